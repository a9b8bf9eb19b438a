import { Cluster, type Redis } from 'ioredis'
import type { Logger } from 'pino'
import { redisWarnings, readInfo } from './diagnostics.ts'
import { type Connection, primariesOf } from './connect.ts'

/**
 * Watches whether Redis can store more and keep it. On a Cluster it watches every primary. A full Redis would stop the
 * workers as well, so the service rejects new work before that.
 */
export interface Capacity {
  /** False while Redis is away or uses more than 75 % of its maxmemory. */
  canStore(): boolean
  /** True while Redis uses more than 75 % of its maxmemory. */
  isFull(): boolean
  /** The used share of maxmemory, 0 to 1; 0 where Redis has no limit. */
  filled(): number
  /** Warnings about a configuration of Redis that can lose data; empty where it is safe or not known. */
  concerns(): readonly string[]
  /** Asks Redis whether it is still loading its files. Until then it refuses most commands and its INFO says little. */
  isLoading(): Promise<boolean>
  close(): void
}

const FULL_SHARE = 0.75
const POLL_MS = 1_000

/** Polls the memory and configuration of Redis once a second. Logs each change: new warnings, full, free again. */
export function watchCapacity(redis: Connection, log: Logger, ackReplicas = 0): Capacity {
  let filled = 0
  let mayAsk = true
  let isLoading = false
  let concerns: readonly string[] = []
  const logChanges = createChangeLogger(log)
  const look = async () => {
    const looks = await Promise.all(primariesOf(redis).map((primary) => lookAt(primary, mayAsk)))
    const seen = looks.filter((one) => one !== null)
    if (seen.length === 0) return
    // While Redis loads, its INFO wrongly says that it has no append-only file.
    const loaded = seen.filter(({ info }) => readInfo(info, 'loading') !== '1')
    isLoading = loaded.length < seen.length
    filled = Math.max(0, ...loaded.map(({ info }) => filledOf(info)))
    mayAsk &&= loaded.every(({ appendfsync }) => appendfsync !== null)
    const isCluster = redis instanceof Cluster
    const all = loaded.flatMap(({ info, appendfsync }) =>
      redisWarnings(info, { appendfsync, ackReplicas, isCluster })
    )
    concerns = [...new Set(all)]
    logChanges(concerns, filled)
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

/** Logs a state only where it differs from the last call. */
function createChangeLogger(log: Logger) {
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

// CONFIG is asked of the default user only. A user with few rights would leave a denial in the ACL LOG of Redis. The
// default user has the right, unless CONFIG was taken from it.
async function lookAt(primary: Redis, mayAsk: boolean) {
  const info = await primary.info().catch(({ name }: Error) => (name === 'ReplyError' ? '' : null))
  if (info === null) return null
  const isDefault = (primary.options.username ?? 'default') === 'default'
  return { info, appendfsync: mayAsk && isDefault ? await askAppendfsync(primary) : null }
}

/** Reads the used share of maxmemory from INFO, 0 to 1. A maxmemory of 0 means no limit. */
export function filledOf(info: string): number {
  const limit = Number(readInfo(info, 'maxmemory') ?? 0)
  return limit > 0 ? Number(readInfo(info, 'used_memory') ?? 0) / limit : 0
}

/** Asks with CONFIG GET, because INFO lacks appendfsync; null where the answer is refused or unknown. */
async function askAppendfsync(redis: Redis): Promise<string | null> {
  const reply: unknown = await redis.call('CONFIG', 'GET', 'appendfsync').catch(() => null)
  return APPENDFSYNC_VALUES.find((value) => Object.values(reply ?? {}).includes(value)) ?? null
}

const APPENDFSYNC_VALUES = ['always', 'everysec', 'no'] as const
