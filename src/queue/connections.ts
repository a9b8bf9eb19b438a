import { Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'

/** Reconnects within a second of Redis's return; BullMQ's own default takes up to twenty. */
const RECONNECT_AT_MOST_MS = 500

const SHARED = {
  retryStrategy: (times: number) => Math.min(times * 50, RECONNECT_AT_MOST_MS),
  // A lost SYN is sent again after 1 s and 3 s; the next try is not to wait for the one after those.
  connectTimeout: 3_000,
  enableAutoPipelining: false,
  replyMapping: 'legacy'
} as const

/** How long a listener waits for one Redis command before it says that it can't store now. */
const COMMAND_TIMEOUT_MS = 1500

/**
 * For how long a connection may owe an answer before it counts as dead and is made anew. A peer that
 * vanished without a word is otherwise noticed by TCP alone, after a quarter of an hour or never.
 * That of the workers is longer than the 10 s for which BullMQ's BZPOPMIN blocks at the most.
 */
const DEAD_AFTER_MS = { listeners: 3_000, workers: 15_000 } as const

/** Where Redis is. */
export interface RedisAddress {
  /** `redis://`, or `rediss://` for TLS. */
  readonly url: string
  /** The PEM of the authority that has signed its certificate; null for those that Node knows. */
  readonly ca: string | null
}

/** For the listeners: a command fails at once while Redis is away, so that the caller hears 503 in time. */
export function connectFailingFast(address: RedisAddress, log: Logger): Redis {
  const patience = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: DEAD_AFTER_MS.listeners
  }
  return connect(address, patience, log)
}

/** For the workers: a command waits for as long as Redis is away. No command timeout: it would kill BZPOPMIN. */
export function connectWaiting(address: RedisAddress, log: Logger): Redis {
  const patience = { maxRetriesPerRequest: null, socketTimeout: DEAD_AFTER_MS.workers }
  return connect(address, patience, log)
}

type Patience = Pick<
  RedisOptions,
  'enableOfflineQueue' | 'maxRetriesPerRequest' | 'commandTimeout' | 'socketTimeout'
>

// A certificate that no known authority has signed, or that names another host, is refused by Node's TLS.
function connect({ url, ca }: RedisAddress, patience: Patience, log: Logger): Redis {
  const tls = ca === null ? {} : { tls: { ca } }
  return logged(new Redis(url, { ...SHARED, ...patience, ...tls }), log)
}

// One line when Redis is lost and one when it is back, not one per failed attempt to reconnect.
function logged(redis: Redis, log: Logger): Redis {
  let lost = false
  redis.on('error', (error: Error & { code?: string }) => {
    if (!lost) log.error({ code: codeOf(error) }, 'redis lost')
    lost = true
  })
  redis.on('ready', () => {
    if (lost) log.info('redis back')
    lost = false
  })
  return redis
}

// Redis's own refusals have no code, but begin with one: WRONGPASS, NOPERM.
function codeOf({ code, name, message }: Error & { code?: string }): string {
  return code ?? (name === 'ReplyError' ? /^[A-Z]{3,20}\b/.exec(message)?.[0] : undefined) ?? name
}
