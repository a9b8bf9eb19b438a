import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import { refusalOf } from './refusal.ts'
import { isRefusedDatabase, requireDatabase } from './required-database.ts'
import { failFast, sendTogether, settleConnect } from './ioredis-workarounds.ts'
import {
  clusterOptions,
  EVERYWHERE,
  type Node,
  type RedisAddress,
  sentinelOptions,
  serverOptions
} from './topology.ts'

export type { RedisAddress } from './topology.ts'

/** One Redis, or the primary that Sentinel names, or a Cluster. */
export type Connection = Redis | Cluster

/** Every primary behind a connection. */
export function primariesOf(redis: Connection): readonly Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis]
}

/** The service reconnects within a second after Redis returns. BullMQ's own default takes up to 20 s. */
const RECONNECT_AT_MOST_MS = 500
const reconnectAfter = (times: number) => Math.min(times * 50, RECONNECT_AT_MOST_MS)

const SHARED = {
  ...EVERYWHERE,
  retryStrategy: reconnectAfter,
  // TCP repeats a lost SYN after 1 s and 3 s. After 3 s ioredis starts a new attempt instead of waiting for more.
  connectTimeout: 3_000,
  enableAutoPipelining: false,
  // A primary that became a replica answers READONLY. 2 means: reconnect, and send the command to the new primary.
  reconnectOnError: ({ message }: Error) => (message.startsWith('READONLY') ? 2 : false)
} as const

/** How long a listener waits for one Redis command before it treats Redis as unavailable. */
const COMMAND_TIMEOUT_MS = 1500

/**
 * How long a connection may owe an answer before it counts as dead and the service reconnects. TCP alone notices a
 * vanished peer after a quarter of an hour or never. The value of the workers exceeds the longest BZPOPMIN of BullMQ,
 * which blocks for 10 s.
 */
const DEAD_AFTER_MS = { listeners: 3_000, workers: 15_000 } as const

/** How often ioredis asks a Cluster again, every 100 ms, while a slot has no primary. */
const A_SECOND_OF_ASKING = 10

/** For the listeners: a command fails at once while Redis is away, so that the caller gets 503 in time. */
export function connectFailingFast(address: RedisAddress, log: Logger): Connection {
  const patience = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: DEAD_AFTER_MS.listeners
  }
  return connect(address, patience, { maxRedirections: A_SECOND_OF_ASKING }, log)
}

/** The longest transfer of a body of 10 MB. Another connection checks meanwhile whether Redis answers. */
const LARGE_BODIES_MS = 15_000

/** For the large bodies of the listeners, so that no other command waits behind them. */
export function connectForBodies(address: RedisAddress, log: Logger): Connection {
  const patience = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: LARGE_BODIES_MS,
    socketTimeout: LARGE_BODIES_MS
  }
  return connect(address, patience, { maxRedirections: A_SECOND_OF_ASKING }, log)
}

/** For the workers: a command waits while Redis is away. It has no command timeout, which would break BZPOPMIN. */
export function connectWaiting(address: RedisAddress, log: Logger): Connection {
  const patience = { maxRetriesPerRequest: null, socketTimeout: DEAD_AFTER_MS.workers }
  return connect(address, patience, { maxRedirections: Infinity }, log)
}

type Patience = Pick<
  RedisOptions,
  'enableOfflineQueue' | 'maxRetriesPerRequest' | 'commandTimeout' | 'socketTimeout'
>
type ClusterPatience = Pick<ClusterOptions, 'maxRedirections'>

// Node's TLS refuses a certificate that no known authority signed or that names another host.
function connect(
  address: RedisAddress,
  patience: Patience,
  clusterPatience: ClusterPatience,
  log: Logger
): Connection {
  const { cluster, sentinel } = address
  if (cluster !== undefined) return connectCluster(address, cluster, patience, clusterPatience, log)
  const server = serverOptions(address)
  const guarded = sentinel === undefined ? {} : sentinelOptions(address, sentinel, reconnectAfter)
  const redis = new Redis({ ...SHARED, ...server, ...patience, ...guarded })
  return logged(requireDatabase(sendTogether(redis)), log)
}

function connectCluster(
  address: RedisAddress,
  nodes: readonly Node[],
  { enableOfflineQueue = true, ...patience }: Patience,
  clusterPatience: ClusterPatience,
  log: Logger
): Connection {
  const options = clusterOptions(address, patience, reconnectAfter)
  const own = { ...clusterPatience, enableOfflineQueue }
  const cluster = settleConnect(new Cluster([...nodes], { ...options, ...own }))
  cluster.on('+node', sendTogether)
  const { commandTimeout } = patience
  return logged(commandTimeout === undefined ? cluster : failFast(cluster, commandTimeout), log)
}

// Logs one line when Redis is lost and one when it has reconnected. Failed attempts in between are not logged.
function logged(redis: Connection, log: Logger): Connection {
  let lost = false
  redis.on('error', (error: Fault) => {
    const refused = isRefusedDatabase(error) ? { refused: 'the database of REDIS_URL' } : {}
    if (!lost)
      log.error({ code: redisErrorCode(error.lastNodeError ?? error), ...refused }, 'redis lost')
    lost = true
  })
  redis.on('ready', () => {
    if (lost) log.info('redis reconnected')
    lost = false
  })
  return redis
}

/** An error of ioredis. Where no node of a Cluster answers, `lastNodeError` is the cause. */
type Fault = Error & { readonly code?: string; readonly lastNodeError?: Fault }

/** The code of an error. A refusal by Redis has no `code`; its message begins with one. */
export function redisErrorCode(fault: Fault): string {
  return fault.code ?? refusalOf(fault) ?? fault.name
}
