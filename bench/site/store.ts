import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { type PrivateRedis, startRedis } from '../../simulator/private-redis.ts'
import { say } from './processes.ts'
import { fileBytes } from './readings.ts'

export type Fsync = 'everysec' | 'always'

/** The Redis of a run, and a client that only the measurements use. */
export interface Store {
  readonly redis: PrivateRedis
  readonly client: Redis
  setFsync(mode: Fsync): Promise<void>
  /** Remembers what the started processes have written. */
  keepBase(): Promise<void>
  /** Waits until hardly any command comes: a worker does a little more behind its last result. */
  untilQuiet(): Promise<void>
  /** Removes everything that was written since, so that each measurement begins with the same Redis. */
  reset(): Promise<void>
  stop(): Promise<void>
}

export async function startStore(): Promise<Store> {
  // A rewrite of the file in the middle of a measurement would disturb that one alone.
  const args = ['--auto-aof-rewrite-percentage', '0']
  const redis = await startRedis({ url: null, args, log: say })
  const client = new Redis(redis.url, { replyMapping: 'legacy' })
  const base = new Map<string, Buffer>()
  return {
    redis,
    client,
    async setFsync(mode) {
      await client.config('SET', 'appendfsync', mode)
    },
    async keepBase() {
      base.clear()
      for (const key of await client.keys('*')) {
        const value = await client.dumpBuffer(key)
        // A key that expires is a lease. It would hold for ever when it is written back.
        if (value !== null && (await client.pttl(key)) < 0) base.set(key, value)
      }
    },
    untilQuiet: () => untilQuiet(client),
    async reset() {
      await untilQuiet(client)
      await client.flushall('SYNC')
      // A worker that waits for jobs may have written one of them already.
      for (const [key, value] of base) await client.restore(key, 0, value, 'REPLACE')
      await rewriteWhereLarge(client)
    },
    async stop() {
      client.disconnect()
      await redis.stop()
    }
  }
}

const LOOK_EVERY_MS = 50
/** The own INFO is one of them; the processes look now and then whether Redis has room. */
const QUIET = 5
const QUIET_WITHIN_MS = 5_000

async function untilQuiet(client: Redis): Promise<void> {
  const end = performance.now() + QUIET_WITHIN_MS
  let [before, now] = [-Infinity, await commandsOf(client)]
  while (now - before > QUIET && performance.now() < end) {
    await pause(LOOK_EVERY_MS)
    before = now
    now = await commandsOf(client)
  }
}

async function commandsOf(client: Redis): Promise<number> {
  return Number(/^total_commands_processed:(\d+)/m.exec(await client.info('stats'))?.[1] ?? 0)
}

/** A file that is smaller is not worth a rewrite. */
const LARGE_FILE = 200e6

/** Rewrites the append-only file, so that the disk does not fill. */
async function rewriteWhereLarge(client: Redis): Promise<void> {
  if ((await fileBytes(client)) < LARGE_FILE) return
  await client.bgrewriteaof()
  while (/aof_rewrite_(?:in_progress|scheduled):1/.test(await client.info('persistence'))) {
    await pause(10)
  }
}
