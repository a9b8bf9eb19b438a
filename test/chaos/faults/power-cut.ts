import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { PrivateRedis } from '../../../simulator/private-redis.ts'

const execute = promisify(execFile)
const SOURCE = fileURLToPath(new URL('synced-sizes.c', import.meta.url))

/** A mains that a Redis hangs on. */
export interface Mains {
  /** The variables that Redis is to be started with. */
  readonly env: Readonly<Record<string, string>>
  /** Kills Redis, and cuts from its append-only files whatever it has not synced; how many bytes that was. */
  cut(redis: PrivateRedis): Promise<number>
  /** Cuts from a file whatever its process, which has been killed, has not synced; how many bytes that was. */
  cutFile(path: string): Promise<number>
  /** When Redis last synced anything, ms since 1970. */
  syncedAt(): Promise<number>
}

/** Why the power can't be cut here, in one line; null where it can. */
export async function mainsHindrance(): Promise<string | null> {
  if (process.platform !== 'linux') return 'a power cut is shown on Linux only'
  return execute('cc', ['--version']).then(
    () => null,
    () => 'a power cut needs a C compiler: no cc on the PATH'
  )
}

/** Compiles what listens to Redis's syncs; gone when the run is over. */
export async function openMains(scope: { teardown(task: () => unknown): void }): Promise<Mains> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-mains-'))
  scope.teardown(() => rm(folder, { recursive: true, force: true }))
  const library = join(folder, 'synced-sizes.so')
  const sizes = join(folder, 'sizes')
  await execute('cc', ['-shared', '-fPIC', '-O2', '-o', library, SOURCE, '-ldl'])
  return {
    env: { LD_PRELOAD: library, SYNCED_SIZES: sizes },
    async cut(redis) {
      await redis.kill()
      return cutUnsynced(redis.folder ?? '', await readSizes(sizes))
    },
    cutFile: async (path) => cutFile(path, await readSizes(sizes)),
    syncedAt: async () => (await stat(sizes)).mtimeMs
  }
}

async function readSizes(file: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return new Map(
    lines.map((line) => {
      const [inode = '', bytes] = line.split(' ')
      return [inode, Number(bytes)]
    })
  )
}

// Base files and the manifest are synced before Redis names them.
async function cutUnsynced(folder: string, sizes: ReadonlyMap<string, number>): Promise<number> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.aof'))
  if (files.length === 0) throw new Error('Redis has no append-only file to cut')
  let lost = 0
  for (const name of files) lost += await cutFile(join(folder, name), sizes)
  return lost
}

async function cutFile(path: string, sizes: ReadonlyMap<string, number>): Promise<number> {
  const { ino, size } = await stat(path)
  const synced = sizes.get(String(ino)) ?? 0
  if (synced < size) await truncate(path, synced)
  return Math.max(0, size - synced)
}
