import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { type Connection, mastersOf } from './store.ts'

/** Tells whether Redis, or every master of a Cluster, can take more, and keep it. A full one stops the workers as well, so intake stops before. */
export interface Capacity {
  /** False while Redis is away, and from 75 % of its maxmemory on. */
  canStore(): boolean
  /** True from 75 % of its maxmemory on. */
  isFull(): boolean
  /** What of its configuration breaks the promise that nothing is lost; empty where all is well. */
  concerns(): readonly string[]
  close(): void
}

const FULL_SHARE = 0.75
const POLL_MS = 1_000

/** Watches Redis's memory and configuration, once a second; says aloud, once, what is wrong with it. */
export function watchCapacity(redis: Connection, log: Logger): Capacity {
  let full = false
  let mayAsk = true
  let concerns: readonly string[] = []
  const look = async () => {
    const looks = await Promise.all(mastersOf(redis).map((master) => lookAt(master, mayAsk)))
    const seen = looks.filter((one) => one !== null)
    if (seen.length === 0) return
    full = seen.some(({ info }) => isFull(info))
    mayAsk &&= seen.every(({ appendfsync }) => appendfsync !== null)
    const all = seen.flatMap(({ info, appendfsync }) => concernsOf(info, appendfsync))
    const found = [...new Set(all)]
    if (found.join() !== concerns.join() && found.length > 0) {
      log.warn({ concerns: found }, 'redis is not set up to keep what it is given')
    }
    concerns = found
  }
  const timer = setInterval(() => void look(), POLL_MS)
  timer.unref()
  redis.on('ready', () => {
    mayAsk = true
    void look()
  })
  return {
    canStore: () => redis.status === 'ready' && !full,
    isFull: () => full,
    concerns: () => concerns,
    close: () => clearInterval(timer)
  }
}

// A user of few rights is not to be seen in Redis's ACL LOG; the default one has them, but for a CONFIG taken away.
async function lookAt(master: Redis, mayAsk: boolean) {
  const info = await master.info().catch(() => null)
  if (info === null) return null
  const isDefault = (master.options.username ?? 'default') === 'default'
  return { info, appendfsync: mayAsk && isDefault ? await askAppendfsync(master) : null }
}

/** Reads INFO; a maxmemory of 0 is no limit. */
export function isFull(info: string): boolean {
  const limit = Number(read(info, 'maxmemory') ?? 0)
  return limit > 0 && Number(read(info, 'used_memory') ?? 0) > limit * FULL_SHARE
}

/** INFO does not have it; null where it is not told. */
async function askAppendfsync(redis: Redis): Promise<string | null> {
  const reply: unknown = await redis.call('CONFIG', 'GET', 'appendfsync').catch(() => null)
  return WORDS_OF_APPENDFSYNC.find((word) => Object.values(reply ?? {}).includes(word)) ?? null
}

const WORDS_OF_APPENDFSYNC = ['always', 'everysec', 'no'] as const

/** Reads INFO, and `appendfsync` where it is known; what a server does not tell is no concern. */
export function concernsOf(info: string, appendfsync: string | null = null): string[] {
  const evicts = (read(info, 'maxmemory_policy') ?? 'noeviction') !== 'noeviction'
  const forgets = read(info, 'aof_enabled') === '0'
  const syncsLate = !forgets && appendfsync !== null && appendfsync !== 'always'
  return [
    ...(evicts ? ['it evicts keys: set maxmemory-policy to noeviction'] : []),
    ...(forgets ? ['it has no append-only file: set appendonly to yes'] : []),
    ...(syncsLate ? [`it appends with appendfsync ${appendfsync}: set it to always`] : [])
  ]
}

function read(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
}
