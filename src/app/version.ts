import { readFileSync } from 'node:fs'

/** The version of the service, which package.json alone tells. */
export function readVersion(): string {
  // As far above dist/main/ as above src/main/.
  const file = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}
