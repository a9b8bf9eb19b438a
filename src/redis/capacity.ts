import { Cluster, type Redis } from 'ioredis'
import type { Logger } from 'pino'
import { redisWarnings, readInfo } from './diagnostics.ts'
import { type Connection, primariesOf } from './connect.ts'

/** Tells whether Redis, or every master of a Cluster, can take more, and keep it. A full one stops the workers as well, so intake stops before. */
export interface Capacity {
  /** False while Redis is away, and from 75 % of its maxmemory on. */
  canStore(): boolean
  /** True from 75 % of its maxmemory on. */
  isFull(): boolean
  /** How much of its maxmemory is used, 0 to 1; 0 without a limit. */
  filled(): number
  /** What of its configuration breaks the promise that nothing is lost; empty where all is well, or not known. */
  concerns(): readonly string[]
  /** Asks it whether it still reads its files into memory: until it has, it answers nothing else and tells little. */
  isLoading(): Promise<boolean>
  close(): void
}

const FULL_SHARE = 0.75
const POLL_MS = 1_000

/** Watches Redis's memory and configuration, once a second; says aloud, once, what is wrong with it, and when it is full. */
export function watchCapacity(redis: Connection, log: Logger, ackReplicas = 0): Capacity {
  let filled = 0
  let mayAsk = true
  let isLoading = false
  let concerns: readonly string[] = []
  const cry = crier(log)
  const look = async () => {
    const looks = await Promise.all(primariesOf(redis).map((master) => lookAt(master, mayAsk)))
    const seen = looks.filter((one) => one !== null)
    if (seen.length === 0) return
    // While it loads, it says of itself that it has no append-only file.
    const loaded = seen.filter(({ info }) => readInfo(info, 'loading') !== '1')
    isLoading = loaded.length < seen.length
    filled = Math.max(0, ...loaded.map(({ info }) => filledOf(info)))
    mayAsk &&= loaded.every(({ appendfsync }) => appendfsync !== null)
    const isCluster = redis instanceof Cluster
    const all = loaded.flatMap(({ info, appendfsync }) =>
      redisWarnings(info, { appendfsync, ackReplicas, isCluster })
    )
    concerns = [...new Set(all)]
    cry(concerns, filled)
  }
  const timer = setInterval(() => void look(), POLL_MS)
  timer.unref()
  redis.on('ready', () => {
    mayAsk = true
    void look()
  })
  redis.on('close', () => (isLoading = false))
  const isFull = () => filled > FULL_SHARE
  return {
    canStore: () => redis.status === 'ready' && !isFull(),
    isFull,
    filled: () => filled,
    concerns: () => concerns,
    isLoading: async () => {
      await look()
      return isLoading
    },
    close: () => clearInterval(timer)
  }
}

/** Says what has changed since it was told last. */
function crier(log: Logger) {
  let known = ''
  let wasFull = false
  return (concerns: readonly string[], filled: number) => {
    if (concerns.join() !== known && concerns.length > 0) {
      log.warn({ concerns }, 'redis configuration unsafe')
    }
    known = concerns.join()
    const isFull = filled > FULL_SHARE
    if (isFull && !wasFull) log.error({ filled }, 'redis nearly full: intake and sending stop')
    if (!isFull && wasFull) log.info({ filled }, 'redis has room again')
    wasFull = isFull
  }
}

// A user of few rights is not to be seen in Redis's ACL LOG; the default one has them, but for a CONFIG taken away.
async function lookAt(master: Redis, mayAsk: boolean) {
  const info = await master.info().catch(({ name }: Error) => (name === 'ReplyError' ? '' : null))
  if (info === null) return null
  const isDefault = (master.options.username ?? 'default') === 'default'
  return { info, appendfsync: mayAsk && isDefault ? await askAppendfsync(master) : null }
}

/** Reads INFO: how full Redis is, 0 to 1; a maxmemory of 0 is no limit. */
export function filledOf(info: string): number {
  const limit = Number(readInfo(info, 'maxmemory') ?? 0)
  return limit > 0 ? Number(readInfo(info, 'used_memory') ?? 0) / limit : 0
}

/** INFO does not have it; null where it is not told. */
async function askAppendfsync(redis: Redis): Promise<string | null> {
  const reply: unknown = await redis.call('CONFIG', 'GET', 'appendfsync').catch(() => null)
  return WORDS_OF_APPENDFSYNC.find((word) => Object.values(reply ?? {}).includes(word)) ?? null
}

const WORDS_OF_APPENDFSYNC = ['always', 'everysec', 'no'] as const
