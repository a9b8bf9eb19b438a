import { readFileSync } from 'node:fs'

/** Reads the version of the service from package.json. */
export function readVersion(): string {
  const file = new URL(import.meta.resolve('#package.json'))
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}
