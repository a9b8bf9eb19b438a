import { execFile } from 'node:child_process'
import { access, constants, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unpackPackage } from '../../simulator/debian.ts'

const execute = promisify(execFile)
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))
/** Where Debian keeps programs, also those that are on the PATH of root alone. */
const FOLDERS = ['/usr/sbin', '/usr/bin']

/** A program of the machine, or out of Debian's package of that name; or why there is none, in one line. */
export type Found = { readonly path: string } | { readonly hindrance: string }

/** Finds a program; where it is not there, Debian's package is unpacked into node_modules/.cache. */
export async function findProgram(name: string, versionArgument: string): Promise<Found> {
  if (process.platform !== 'linux') return { hindrance: `${name} is tried on Linux only` }
  const own = [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS]
  const unpacked = FOLDERS.map((folder) => join(CACHE, name, folder))
  const path =
    (await firstOf(name, own)) ??
    (await firstOf(name, unpacked)) ??
    (await unpack(name).then(
      () => firstOf(name, unpacked),
      () => undefined
    ))
  if (path === undefined) {
    return { hindrance: `there is no ${name}, and apt-get can't download Debian's` }
  }
  return execute(path, [versionArgument]).then(
    () => ({ path }),
    () => ({ hindrance: `the ${name} that is here does not run` })
  )
}

async function firstOf(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders.filter((one) => one !== '')) {
    const path = join(folder, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false
    )
    if (isThere) return path
  }
  return undefined
}

/** Into its place all at once: others look for it at the same time. */
async function unpack(name: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const parts = await mkdtemp(join(CACHE, `${name}-`))
  try {
    await unpackPackage(name, parts)
    await rename(parts, join(CACHE, name))
  } finally {
    await rm(parts, { recursive: true, force: true })
  }
}
