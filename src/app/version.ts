import { readFileSync } from 'node:fs'

/** Reads the version of the service from package.json. */
export function readVersion(): string {
  // package.json is two levels above both src/app/ and dist/app/.
  const file = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}
