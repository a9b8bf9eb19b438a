import type { ClusterOptions, RedisOptions } from 'ioredis'
import { SteadySentinelConnector } from './sentinel-connector.ts'

/** One process of Redis or of Sentinel. */
export interface Node {
  readonly host: string
  readonly port: number
}

/** Where Redis is. Of a Cluster, or behind Sentinel, the URL tells no more than user, password, database and TLS. */
export interface RedisAddress {
  /** `redis://`, or `rediss://` for TLS. */
  readonly url: string
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

/**
 * Sentinel is listened to: a new master is gone to at once, though the one before may still answer to us,
 * cut off from its replicas.
 */
export function sentinelOptions(
  { url, ca }: RedisAddress,
  { nodes, name, password }: Sentinel,
  retry: Retry
) {
  const tls = tlsOptions(ca)
  return {
    sentinels: [...nodes],
    name,
    failoverDetector: true,
    Connector: SteadySentinelConnector,
    sentinelRetryStrategy: retry,
    sentinelReconnectStrategy: retry,
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(password === null ? {} : { sentinelPassword: password }),
    ...(isTls(url) ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {})
  } satisfies RedisOptions
}

export function clusterOptions(
  { url, ca }: RedisAddress,
  node: Pick<RedisOptions, 'maxRetriesPerRequest' | 'commandTimeout' | 'socketTimeout'> & {
    replyMapping: 'legacy'
  },
  retry: Retry
) {
  const { username, password } = new URL(url)
  return {
    clusterRetryStrategy: retry,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    slotsRefreshInterval: REFRESH_MS,
    redisOptions: {
      ...node,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(isTls(url) ? { tls: tlsOptions(ca) } : {})
    },
    // The certificate names the host, not its address.
    ...(isTls(url) ? { dnsLookup: asItIs } : {})
  } satisfies ClusterOptions
}

function asItIs(host: string, callback: (error: null, address: string) => void): void {
  callback(null, host)
}

function isTls(url: string): boolean {
  return url.startsWith('rediss:')
}

function tlsOptions(ca: string | null) {
  return ca === null ? {} : { ca }
}
