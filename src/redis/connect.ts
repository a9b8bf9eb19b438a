import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import { refusalOf } from './refusal.ts'
import { isRefusedDatabase, requireDatabase } from './required-database.ts'
import { failFast, settleConnect } from './ioredis-workarounds.ts'
import {
  clusterOptions,
  EVERYWHERE,
  type Node,
  type RedisAddress,
  sentinelOptions,
  serverOptions
} from './topology.ts'

export type { RedisAddress } from './topology.ts'

/** One Redis, or the master that Sentinel names, or a Cluster. */
export type Connection = Redis | Cluster

/** Every Redis behind a connection that is written to. */
export function primariesOf(redis: Connection): readonly Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis]
}

/** Reconnects within a second of Redis's return; BullMQ's own default takes up to twenty. */
const RECONNECT_AT_MOST_MS = 500
const reconnectAfter = (times: number) => Math.min(times * 50, RECONNECT_AT_MOST_MS)

const SHARED = {
  ...EVERYWHERE,
  retryStrategy: reconnectAfter,
  // A lost SYN is sent again after 1 s and 3 s; the next try is not to wait for the one after those.
  connectTimeout: 3_000,
  enableAutoPipelining: false,
  // A master that has become a replica: what was refused is sent again to whoever is the master then.
  reconnectOnError: ({ message }: Error) => (message.startsWith('READONLY') ? 2 : false)
} as const

/** How long a listener waits for one Redis command before it says that it can't store now. */
const COMMAND_TIMEOUT_MS = 1500

/**
 * For how long a connection may owe an answer before it counts as dead and is made anew. A peer that
 * vanished without a word is otherwise noticed by TCP alone, after a quarter of an hour or never.
 * That of the workers is longer than the 10 s for which BullMQ's BZPOPMIN blocks at the most.
 */
const DEAD_AFTER_MS = { listeners: 3_000, workers: 15_000 } as const

/** A Cluster whose slot has no master is asked again so often, every 100 ms. */
const A_SECOND_OF_ASKING = 10

/** For the listeners: a command fails at once while Redis is away, so that the caller hears 503 in time. */
export function connectFailingFast(address: RedisAddress, log: Logger): Connection {
  const patience = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: DEAD_AFTER_MS.listeners
  }
  return connect(address, patience, { maxRedirections: A_SECOND_OF_ASKING }, log)
}

/** A body of 10 MB may take its time to get there; whether Redis answers is asked on another connection. */
const LARGE_BODIES_MS = 15_000

/** For the listeners' large bodies: nothing else waits behind them. */
export function connectForBodies(address: RedisAddress, log: Logger): Connection {
  const patience = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: LARGE_BODIES_MS,
    socketTimeout: LARGE_BODIES_MS
  }
  return connect(address, patience, { maxRedirections: A_SECOND_OF_ASKING }, log)
}

/** For the workers: a command waits for as long as Redis is away. No command timeout: it would kill BZPOPMIN. */
export function connectWaiting(address: RedisAddress, log: Logger): Connection {
  const patience = { maxRetriesPerRequest: null, socketTimeout: DEAD_AFTER_MS.workers }
  return connect(address, patience, { maxRedirections: Infinity }, log)
}

type Patience = Pick<
  RedisOptions,
  'enableOfflineQueue' | 'maxRetriesPerRequest' | 'commandTimeout' | 'socketTimeout'
>
type ClusterPatience = Pick<ClusterOptions, 'maxRedirections'>

// A certificate that no known authority has signed, or that names another host, is refused by Node's TLS.
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
  return logged(requireDatabase(new Redis({ ...SHARED, ...server, ...patience, ...guarded })), log)
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
  const { commandTimeout } = patience
  return logged(commandTimeout === undefined ? cluster : failFast(cluster, commandTimeout), log)
}

// One line when Redis is lost and one when it is back, not one per failed attempt to reconnect.
function logged(redis: Connection, log: Logger): Connection {
  let lost = false
  redis.on('error', (error: Fault) => {
    const refused = isRefusedDatabase(error) ? { refused: 'the database of REDIS_URL' } : {}
    if (!lost) log.error({ code: codeOf(error.lastNodeError ?? error), ...refused }, 'redis lost')
    lost = true
  })
  redis.on('ready', () => {
    if (lost) log.info('redis reconnected')
    lost = false
  })
  return redis
}

/** Of a Cluster of which no node answers: `lastNodeError` tells why. */
type Fault = Error & { readonly code?: string; readonly lastNodeError?: Fault }

/** What is wrong, in a word. Redis's own refusals have no code, but begin with one. */
export function codeOf(fault: Fault): string {
  return fault.code ?? refusalOf(fault) ?? fault.name
}
