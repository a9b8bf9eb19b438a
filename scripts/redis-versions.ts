import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Releases, unpackRelease } from '../simulator/debian.ts'

const execute = promisify(execFile)
const CACHE = fileURLToPath(new URL('../node_modules/.cache/redis/', import.meta.url))

/** A server that the tests are run with, out of a release of Debian. */
export interface Version {
  readonly what: string
  readonly program: 'redis-server' | 'valkey-server'
  readonly releases: Releases
}

/** The oldest and the newest that Debian's releases have; bullseye's 6.0 is too old for BullMQ. */
export const VERSIONS: readonly Version[] = [
  { what: 'the oldest Redis', program: 'redis-server', releases: ['bookworm'] },
  { what: 'the newest Redis', program: 'redis-server', releases: ['sid'] },
  {
    what: 'the oldest Valkey',
    program: 'valkey-server',
    releases: ['bookworm-backports', 'bookworm']
  },
  { what: 'the newest Valkey', program: 'valkey-server', releases: ['sid'] }
]

/** A folder for the PATH with its `redis-server`, and what that says of its version. */
export interface Provided {
  readonly folder: string
  readonly version: string
}

/** Unpacks it, with the libraries that it needs, where it is not there yet; rejects where it can't be had. */
export async function provide({ program, releases }: Version): Promise<Provided> {
  const root = join(CACHE, `${program}-${releases[0]}`)
  const isThere = await stat(root).then(
    () => true,
    () => false
  )
  if (!isThere) await unpackInto(root, program, releases)
  const folder = join(root, 'khipu-bin')
  const { stdout } = await execute(join(folder, 'redis-server'), ['--version'])
  return { folder, version: stdout.replace(/ sha=.*/s, '') }
}

async function unpackInto(root: string, program: string, releases: Releases): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const parts = await mkdtemp(`${root}-`)
  try {
    await unpackRelease(program, releases, parts)
    await writeStarter(parts, program)
    await rename(parts, root)
  } finally {
    await rm(parts, { recursive: true, force: true })
  }
}

/** A newer release's programs run with its own libraries alone. Tests look for a `redis-server`. */
async function writeStarter(root: string, program: string): Promise<void> {
  const libraries = '{usr/,}lib/*-linux-gnu*'
  const [loader] = globSync(`${libraries}/ld-linux-*.so.*`, { cwd: root })
  if (loader === undefined) throw new Error(`${program} came without its libraries`)
  const folders = globSync(libraries, { cwd: root })
  const path = folders.map((folder) => `$root/${folder}`).join(':')
  const starter = join(root, 'khipu-bin', 'redis-server')
  await mkdir(join(root, 'khipu-bin'))
  await writeFile(
    starter,
    `#!/bin/sh\nroot=$(dirname "$(dirname "$(readlink -f "$0")")")\nexec "$root/${loader}" --library-path "${path}" "$root/usr/bin/${program}" "$@"\n`
  )
  await chmod(starter, 0o755)
}
