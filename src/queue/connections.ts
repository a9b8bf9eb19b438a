import { Redis } from 'ioredis'
import type { Logger } from 'pino'

/** Reconnects within a second of Redis's return; BullMQ's own default takes up to twenty. */
const RECONNECT_AT_MOST_MS = 500

const SHARED = {
  retryStrategy: (times: number) => Math.min(times * 50, RECONNECT_AT_MOST_MS),
  enableAutoPipelining: false,
  replyMapping: 'legacy'
} as const

/** How long a listener waits for one Redis command before it says that it can't store now. */
const COMMAND_TIMEOUT_MS = 1500

/** For the listeners: a command fails at once while Redis is away, so that the caller hears 503 in time. */
export function connectFailingFast(url: string, log: Logger): Redis {
  const options = {
    ...SHARED,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS
  }
  return logged(new Redis(url, options), log)
}

/** For the workers: a command waits for as long as Redis is away. No command timeout: it would kill BZPOPMIN. */
export function connectWaiting(url: string, log: Logger): Redis {
  const options = { ...SHARED, maxRetriesPerRequest: null }
  return logged(new Redis(url, options), log)
}

// One line when Redis is lost and one when it is back, not one per failed attempt to reconnect.
function logged(redis: Redis, log: Logger): Redis {
  let lost = false
  redis.on('error', (error: Error & { code?: string }) => {
    if (!lost) log.error({ code: error.code ?? error.name }, 'redis lost')
    lost = true
  })
  redis.on('ready', () => {
    if (lost) log.info('redis back')
    lost = false
  })
  return redis
}
