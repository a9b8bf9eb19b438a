import bytes from 'bytes'
import type { Policy } from '../core/policy.ts'
import type { SecretKey } from '../core/secret-key.ts'
import type { Proxy } from './proxy.ts'
import { redisOf, type RedisSettings } from './redis-settings.ts'
import { toMs } from './retry-policy.ts'
import type { ApiToken } from './secrets.ts'
import type { RawSettings } from './settings.ts'

/** The limits of the quarantine. */
export interface QuarantineBounds {
  readonly mostEntries: number
  readonly mostBytes: number
  readonly retentionMs: number
}

/** The complete configuration, parsed and checked. Durations are in ms, sizes in bytes. */
export interface Config {
  readonly role: 'all' | 'server' | 'worker'
  readonly redis: RedisSettings
  readonly ackReplicas: number
  /** Has no slash at its end. */
  readonly publicUrl: string
  readonly publicListener: { readonly host: string; readonly port: number }
  readonly adminListener: { readonly host: string; readonly port: number }
  /** Null where the operator listener has the metrics. */
  readonly metricsListener: { readonly host: string; readonly port: number } | null
  /** Addresses and networks whose `X-Forwarded-For` the service trusts. Where it is empty, the service trusts none. */
  readonly trustedProxies: readonly string[]
  readonly maxConnections: number
  /** How many callbacks are refused in a minute before further ones get 429. */
  readonly refusals: { readonly perAddress: number; readonly inAll: number }
  readonly khipuBaseUrl: string
  readonly khipuAuthorization: { readonly jwt: string } | { readonly apiKey: string } | null
  readonly khipuProxy: Proxy | null
  readonly requestTimeoutMs: number
  readonly singleFlight: boolean
  readonly events: boolean
  readonly apiTokens: readonly ApiToken[]
  /** Whether the operator listener has pages. */
  readonly pages: boolean
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly policy: Policy
  readonly callbackTimeoutMs: number
  readonly resultQueue: string
  readonly sealResults: boolean
  readonly queuePrefix: string
  readonly partitions: number
  readonly resultRetentionMs: number
  readonly ledgerRetentionMs: number
  readonly auditRetentionMs: number
  readonly quarantine: QuarantineBounds
  /** The folder and the limit of the spool for callbacks that Redis cannot store; null where SPOOL_DIR is not set. */
  readonly spool: { readonly folder: string; readonly mostBytes: number } | null
  readonly workerConcurrency: number
  readonly sweepIntervalMs: number
  readonly shutdownDelayMs: number
  readonly bodyLimit: number
  /** The most JSON values that a callback may contain. */
  readonly bodyValues: number
  readonly logLevel: string
  /** Warnings about valid settings that are probably mistakes. */
  readonly warnings: readonly string[]
}

/** The parts of the configuration that `readConfig` parses before it calls `toConfig`. */
export type ParsedSettings = Pick<
  Config,
  'publicUrl' | 'secretKeys' | 'apiTokens' | 'policy' | 'khipuProxy' | 'warnings'
> & {
  readonly trustedProxies: readonly string[]
  readonly redisCa: string | null
}

/** Makes the configuration from the raw settings and the parts that were parsed before. */
export function toConfig(
  raw: RawSettings,
  { trustedProxies, redisCa, ...understood }: ParsedSettings
): Config {
  const config: Config = {
    ...understood,
    role: raw.ROLE,
    redis: redisOf(raw, redisCa),
    ackReplicas: raw.ACK_REPLICAS,
    publicListener: { host: raw.PUBLIC_HOST, port: raw.PUBLIC_PORT },
    adminListener: { host: raw.ADMIN_HOST, port: raw.ADMIN_PORT },
    metricsListener: metricsListenerOf(raw),
    trustedProxies,
    maxConnections: raw.MAX_CONNECTIONS,
    refusals: { perAddress: raw.REFUSALS_PER_ADDRESS, inAll: raw.REFUSALS_IN_ALL },
    khipuBaseUrl: withoutSlash(raw.KHIPU_BASE_URL),
    khipuAuthorization: authorizationOf(raw),
    requestTimeoutMs: toMs(raw.KHIPU_REQUEST_TIMEOUT),
    singleFlight: raw.SINGLE_FLIGHT,
    pages: raw.PAGES,
    events: raw.EVENTS,
    callbackTimeoutMs: toMs(raw.CALLBACK_TIMEOUT),
    resultQueue: raw.RESULT_QUEUE,
    sealResults: raw.SEAL_RESULTS,
    queuePrefix: raw.QUEUE_PREFIX,
    partitions: raw.PARTITIONS,
    resultRetentionMs: toMs(raw.RESULT_RETENTION),
    ledgerRetentionMs: toMs(raw.LEDGER_RETENTION),
    auditRetentionMs: toMs(raw.AUDIT_RETENTION),
    quarantine: {
      mostEntries: raw.QUARANTINE_ENTRIES,
      mostBytes: bytes.parse(raw.QUARANTINE_SIZE) ?? 0,
      retentionMs: toMs(raw.QUARANTINE_RETENTION)
    },
    spool: spoolOf(raw),
    workerConcurrency: raw.WORKER_CONCURRENCY,
    sweepIntervalMs: toMs(raw.SWEEP_INTERVAL),
    shutdownDelayMs: toMs(raw.SHUTDOWN_DELAY),
    bodyLimit: bytes.parse(raw.BODY_LIMIT) ?? 0,
    bodyValues: raw.BODY_VALUES,
    logLevel: raw.LOG_LEVEL
  }
  return Object.freeze(config)
}

function authorizationOf({ KHIPU_JWT, KHIPU_API_KEY }: RawSettings): Config['khipuAuthorization'] {
  if (KHIPU_JWT !== undefined) return { jwt: KHIPU_JWT }
  return KHIPU_API_KEY === undefined ? null : { apiKey: KHIPU_API_KEY }
}

function metricsListenerOf({
  METRICS_HOST: host,
  METRICS_PORT: port
}: RawSettings): Config['metricsListener'] {
  return port === undefined ? null : { host, port }
}

function spoolOf({ SPOOL_DIR, SPOOL_LIMIT }: RawSettings): Config['spool'] {
  if (SPOOL_DIR === undefined) return null
  return { folder: SPOOL_DIR, mostBytes: bytes.parse(SPOOL_LIMIT) ?? 0 }
}

/** Removes slashes from the end of an address. */
export function withoutSlash(url: string): string {
  return url.replace(/(?<!\/)\/+$/, '')
}
