import type { ClusterOptions, RedisOptions } from 'ioredis'
import { WorkingSentinelConnector } from './ioredis-workarounds.ts'

/** One process of Redis or of Sentinel. */
export interface Node {
  readonly host: string
  readonly port: number
}

/** Where Redis is. Host and port are not used with a Cluster or Sentinels, nor is the database with a Cluster. */
export interface RedisAddress extends Node {
  readonly username: string | null
  readonly password: string | null
  readonly database: number
  readonly isTls: boolean
  /** The PEM of the authority that has signed its certificate; null for those that Node knows. */
  readonly ca: string | null
  /** Some nodes of a Cluster: they tell of the others. */
  readonly cluster?: readonly Node[]
  readonly sentinel?: Sentinel
}

/** Who tells which Redis is the master. */
export interface Sentinel {
  readonly nodes: readonly Node[]
  /** What they call the master. */
  readonly name: string
  readonly password: string | null
}

/** A machine that has gone does not refuse a connection: it says nothing. */
const CONNECT_TIMEOUT_MS = 2_000
/** How often a Cluster is asked for its masters when no answer has told of a change. */
const REFRESH_MS = 1_000

type Retry = (times: number) => number

/** What is the same on every connection to a server or a node. */
export const EVERYWHERE = {
  replyMapping: 'legacy',
  // A user without that right would have a denial in the ACL log for each connection; Redis 7.0 knows no such right.
  disableClientInfo: true,
  // ioredis would wait for as long as Redis says that loading still takes, ten seconds at the most.
  maxLoadingRetryTime: 500
} as const

/** Of a server of its own, or of the master that the Sentinels name. */
export function serverOptions(address: RedisAddress) {
  const { host, port, database: db } = address
  return { host, port, db, ...userOptions(address), ...tlsOptions(address) } satisfies RedisOptions
}

/**
 * Sentinel is listened to: a new master is gone to at once, though the one before may still answer to us,
 * cut off from its replicas.
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
    // The certificate names the host, not its address.
    ...(address.isTls ? { dnsLookup: asItIs } : {})
  } satisfies ClusterOptions
}

function asItIs(host: string, callback: (error: null, address: string) => void): void {
  callback(null, host)
}

/** A user without a password has to give one all the same. */
function userOptions({ username, password }: RedisAddress) {
  if (username !== null) return { username, password: password ?? '' }
  return password === null ? {} : { password }
}

function tlsOptions({ isTls, ca }: RedisAddress) {
  if (!isTls) return {}
  return { tls: ca === null ? {} : { ca } }
}
