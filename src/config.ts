import bytes from 'bytes'
import type { Fault } from './config/fault.ts'
import { readRetryPolicy, toMs } from './config/retry-policy.ts'
import {
  type ApiToken,
  parseApiTokens,
  parseSecretKeys,
  readSecretFiles
} from './config/secrets.ts'
import { checkCallbackUrl, checkSettings, parseNetworks } from './config/checks.ts'
import { type Proxy, readProxy, withProxyNames } from './config/proxy.ts'
import { readSettings } from './config/read-settings.ts'
import { readRedisCa, redisOf, type RedisSettings } from './config/redis.ts'
import type { RawSettings } from './config/settings.ts'
import { BUILT_IN_POLICY, type Policy } from './core/policy.ts'
import type { SecretKey } from './core/secret-key.ts'

/** What the quarantine holds at the most. */
export interface QuarantineBounds {
  readonly mostEntries: number
  readonly mostBytes: number
  readonly retentionMs: number
}

/** All that the environment says, checked and understood. Durations are in ms, sizes in bytes. */
export interface Config {
  readonly role: 'all' | 'server' | 'worker'
  readonly redis: RedisSettings
  readonly ackReplicas: number
  /** Without a slash at the end. */
  readonly publicUrl: string
  readonly publicListener: { readonly host: string; readonly port: number }
  readonly adminListener: { readonly host: string; readonly port: number }
  /** Addresses and networks whose `X-Forwarded-For` is believed; none of them, nobody's. */
  readonly trustedProxies: readonly string[]
  readonly maxConnections: number
  /** How many refused callbacks may be tried in a minute. */
  readonly refusals: { readonly perAddress: number; readonly inAll: number }
  readonly khipuBaseUrl: string
  readonly khipuAuthorization: { readonly jwt: string } | { readonly apiKey: string } | null
  readonly khipuProxy: Proxy | null
  readonly requestTimeoutMs: number
  readonly singleFlight: boolean
  readonly apiTokens: readonly ApiToken[]
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly policy: Policy
  readonly callbackTimeoutMs: number
  readonly resultQueue: string
  readonly sealResults: boolean
  readonly queuePrefix: string
  readonly partitions: number
  readonly resultRetentionMs: number
  readonly ledgerRetentionMs: number
  readonly quarantine: QuarantineBounds
  /** Where callbacks wait on disk while Redis can't store them, and how much; null where they don't. */
  readonly spool: { readonly folder: string; readonly mostBytes: number } | null
  readonly workerConcurrency: number
  readonly sweepIntervalMs: number
  readonly shutdownDelayMs: number
  readonly bodyLimit: number
  /** The most JSON values that a callback may hold. */
  readonly bodyValues: number
  readonly logLevel: string
}

/** A configuration that can't be started with; the message lists every fault and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(faults: readonly string[]) {
    super(['The configuration is wrong:', ...faults.map((fault) => `  - ${fault}`)].join('\n'))
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads the environment; throws one ConfigError with every fault. `callbackUrlLength` is that of the longest CallbackUrl. */
export function readConfig(
  callbackUrlLength: (publicUrl: string, kid: string) => number,
  env: Environment = process.env
): Config {
  const faults: string[] = []
  const fault: Fault = (name, message) => void faults.push(`${name} ${message}`)
  const raw = readSettings(readSecretFiles(withProxyNames(env), fault), fault)

  const { SECRET_KEYS, API_TOKENS, RETRY_POLICY_FILE, TRUST_PROXY } = raw
  const publicUrl = withoutSlash(raw.PUBLIC_URL ?? '')
  const secretKeys = SECRET_KEYS === undefined ? null : parseSecretKeys(SECRET_KEYS, fault)
  const apiTokens = API_TOKENS === undefined ? null : parseApiTokens(API_TOKENS, fault)
  const policy =
    RETRY_POLICY_FILE === undefined ? BUILT_IN_POLICY : readRetryPolicy(RETRY_POLICY_FILE, fault)
  checkCallbackUrl(callbackUrlLength, publicUrl, secretKeys ?? [], fault)
  checkSettings(raw, fault)
  const trustedProxies = TRUST_PROXY === undefined ? [] : parseNetworks(TRUST_PROXY, fault)
  const redisCa = readRedisCa(raw, fault)
  const khipuProxy = readProxy(raw, fault)
  if (faults.length > 0 || secretKeys === null || apiTokens === null || policy === null) {
    throw new ConfigError(faults)
  }
  const understood = {
    publicUrl,
    secretKeys,
    apiTokens,
    policy,
    trustedProxies,
    redisCa,
    khipuProxy
  }
  return toConfig(raw as RawSettings, understood)
}

/** Reads SECRET_KEYS and nothing else, for a command that needs no more; throws as readConfig does. */
export function readSecretKeys(env: Environment = process.env): Config['secretKeys'] {
  const faults: string[] = []
  const fault: Fault = (name, message) => void faults.push(`${name} ${message}`)
  const { SECRET_KEYS, SECRET_KEYS_FILE } = env
  const resolved = readSecretFiles({ SECRET_KEYS, SECRET_KEYS_FILE }, fault)
  const text = resolved['SECRET_KEYS']
  const keys = text === undefined ? null : parseSecretKeys(text, fault)
  if (text === undefined && faults.length === 0) fault('SECRET_KEYS', 'is required')
  if (faults.length > 0 || keys === null) throw new ConfigError(faults)
  return keys
}

type Understood = Pick<
  Config,
  'publicUrl' | 'secretKeys' | 'apiTokens' | 'policy' | 'khipuProxy'
> & {
  readonly trustedProxies: readonly string[]
  readonly redisCa: string | null
}

function toConfig(
  raw: RawSettings,
  { trustedProxies, redisCa, ...understood }: Understood
): Config {
  const config: Config = {
    ...understood,
    role: raw.ROLE,
    redis: redisOf(raw, redisCa),
    ackReplicas: raw.ACK_REPLICAS,
    publicListener: { host: raw.PUBLIC_HOST, port: raw.PUBLIC_PORT },
    adminListener: { host: raw.ADMIN_HOST, port: raw.ADMIN_PORT },
    trustedProxies,
    maxConnections: raw.MAX_CONNECTIONS,
    refusals: { perAddress: raw.REFUSALS_PER_ADDRESS, inAll: raw.REFUSALS_IN_ALL },
    khipuBaseUrl: withoutSlash(raw.KHIPU_BASE_URL),
    khipuAuthorization: authorizationOf(raw),
    requestTimeoutMs: toMs(raw.KHIPU_REQUEST_TIMEOUT),
    singleFlight: raw.SINGLE_FLIGHT,
    callbackTimeoutMs: toMs(raw.CALLBACK_TIMEOUT),
    resultQueue: raw.RESULT_QUEUE,
    sealResults: raw.SEAL_RESULTS,
    queuePrefix: raw.QUEUE_PREFIX,
    partitions: raw.PARTITIONS,
    resultRetentionMs: toMs(raw.RESULT_RETENTION),
    ledgerRetentionMs: toMs(raw.LEDGER_RETENTION),
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

function spoolOf({ SPOOL_DIR, SPOOL_LIMIT }: RawSettings): Config['spool'] {
  if (SPOOL_DIR === undefined) return null
  return { folder: SPOOL_DIR, mostBytes: bytes.parse(SPOOL_LIMIT) ?? 0 }
}

/** An address without slashes at its end. */
function withoutSlash(url: string): string {
  return url.replace(/(?<!\/)\/+$/, '')
}
