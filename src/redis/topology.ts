import type { ClusterOptions, RedisOptions } from 'ioredis'
import { WorkingSentinelConnector } from './ioredis-workarounds.ts'

/** One process of Redis or of Sentinel. */
export interface Node {
  readonly host: string
  readonly port: number
}

/** The address of Redis. A Cluster or Sentinels replace host and port. A Cluster does not use the database either. */
export interface RedisAddress extends Node {
  readonly username: string | null
  readonly password: string | null
  readonly database: number
  readonly isTls: boolean
  /** The PEM of the authority that signed its certificate; null for the authorities that Node knows. */
  readonly ca: string | null
  /** Some nodes of a Cluster. They name the other nodes. */
  readonly cluster?: readonly Node[]
  readonly sentinel?: Sentinel
}

/** The Sentinels that name the primary. */
export interface Sentinel {
  readonly nodes: readonly Node[]
  /** The name of the primary at the Sentinels. */
  readonly name: string
  readonly password: string | null
}

/** A machine that is gone does not refuse a connection. It sends no answer, so only a timeout detects it. */
const CONNECT_TIMEOUT_MS = 2_000
/** How often ioredis asks a Cluster for its primaries, where no redirection has announced a change. */
const REFRESH_MS = 1_000

type Retry = (times: number) => number

/** The options of every connection to a server or a node. */
export const EVERYWHERE = {
  replyMapping: 'legacy',
  // Without the right to CLIENT SETINFO, each connection of a user would leave a denial in the ACL log. Redis 7.0 has
  // no such right.
  disableClientInfo: true,
  // By default, ioredis waits for the loading time that Redis announces, up to 10 s.
  maxLoadingRetryTime: 500
} as const

/** The options for a single server, or for the primary that the Sentinels name. */
export function serverOptions(address: RedisAddress) {
  const { host, port, database: db } = address
  return { host, port, db, ...userOptions(address), ...tlsOptions(address) } satisfies RedisOptions
}

/**
 * ioredis subscribes to the Sentinels and connects to a new primary at once. The old primary may still answer, although
 * it is cut off from its replicas.
 */
export function sentinelOptions(
  address: RedisAddress,
  { nodes, name, password }: Sentinel,
  retry: Retry
) {
  const { tls } = tlsOptions(address)
  return {
    sentinels: [...nodes],
    name,
    failoverDetector: true,
    Connector: WorkingSentinelConnector,
    sentinelRetryStrategy: retry,
    sentinelReconnectStrategy: retry,
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(password === null ? {} : { sentinelPassword: password }),
    ...(tls ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {})
  } satisfies RedisOptions
}

export function clusterOptions(
  address: RedisAddress,
  node: Pick<RedisOptions, 'maxRetriesPerRequest' | 'commandTimeout' | 'socketTimeout'>,
  retry: Retry
) {
  return {
    clusterRetryStrategy: retry,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    slotsRefreshInterval: REFRESH_MS,
    redisOptions: {
      ...EVERYWHERE,
      ...node,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...userOptions(address),
      ...tlsOptions(address)
    },
    // The certificate names the host, so ioredis must not replace the host by its IP address.
    ...(address.isTls ? { dnsLookup: asItIs } : {})
  } satisfies ClusterOptions
}

function asItIs(host: string, callback: (error: null, address: string) => void): void {
  callback(null, host)
}

/** Redis requires a password with a user name, so a user without a password sends an empty one. */
function userOptions({ username, password }: RedisAddress) {
  if (username !== null) return { username, password: password ?? '' }
  return password === null ? {} : { password }
}

function tlsOptions({ isTls, ca }: RedisAddress) {
  if (!isTls) return {}
  return { tls: ca === null ? {} : { ca } }
}
