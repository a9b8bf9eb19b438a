import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownRelease, type Packages, unpackPackages } from './debian.ts'
import { findOnPath } from './find-on-path.ts'
import { STARTERS } from './starters.ts'

/** The project's cache of unpacked packages. */
export const CACHE = fileURLToPath(new URL('../node_modules/.cache/debian', import.meta.url))

/** A program that is found in packages, and where they are unpacked. */
export interface DebianProgram {
  readonly program: string
  /** By default the package of the program's name. */
  readonly packages?: Packages
  readonly cache?: string
  /** Called before something is downloaded. */
  readonly beforeDownload?: () => void
}

/** The starter of a program of Debian or Ubuntu. Its packages are downloaded unless they are in the cache. */
export async function provideProgram(wanted: DebianProgram): Promise<string> {
  const { program, packages = { names: [program] }, cache = CACHE } = wanted
  const release = packages.releases?.[0] ?? (await ownRelease())
  const folder = join(cache, `${program}-${release}`)
  const starters = join(folder, STARTERS)
  const cached = await findOnPath([program], starters)
  if (cached !== undefined) return cached
  wanted.beforeDownload?.()
  // With those of its kind, such as redis-cli.
  await unpackPackages(packages, folder, `${program.split('-')[0]}*`)
  const unpacked = await findOnPath([program], starters)
  if (unpacked === undefined) throw new Error(`no ${program} in ${packages.names.join(', ')}`)
  return unpacked
}
