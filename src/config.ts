import bytes from 'bytes'
import type { Fault } from './config/fault.ts'
import { readRetryPolicy, toMs } from './config/retry-policy.ts'
import {
  type ApiToken,
  parseApiTokens,
  parseSecretKeys,
  readSecretFiles
} from './config/secrets.ts'
import { readSettings } from './config/read-settings.ts'
import type { RawSettings } from './config/settings.ts'
import { BUILT_IN_POLICY, type Policy } from './core/policy.ts'
import type { SecretKey } from './core/secret-key.ts'

/** All that the environment says, checked and understood. Durations are in ms, sizes in bytes. */
export interface Config {
  readonly role: 'all' | 'server' | 'worker'
  readonly redisUrl: string
  /** Without a slash at the end. */
  readonly publicUrl: string
  readonly publicListener: { readonly host: string; readonly port: number }
  readonly adminListener: { readonly host: string; readonly port: number }
  readonly khipuBaseUrl: string
  readonly khipuAuthorization: { readonly jwt: string } | { readonly apiKey: string } | null
  readonly requestTimeoutMs: number
  readonly apiTokens: readonly ApiToken[]
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly policy: Policy
  readonly callbackTimeoutMs: number
  readonly resultQueue: string
  readonly queuePrefix: string
  readonly resultRetentionMs: number
  readonly ledgerRetentionMs: number
  readonly workerConcurrency: number
  readonly sweepIntervalMs: number
  readonly bodyLimit: number
  readonly logLevel: string
}

/** A configuration that can't be started with; the message lists every fault and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(faults: readonly string[]) {
    super(['The configuration is wrong:', ...faults.map((fault) => `  - ${fault}`)].join('\n'))
  }
}

/** What Khipu allows a CallbackUrl. */
export const CALLBACK_URL_LIMIT = 255

/** What timers and instants can hold: Node's timers end at 24.8 days and then fire at once. */
const LONGEST = {
  KHIPU_REQUEST_TIMEOUT: '24d',
  SWEEP_INTERVAL: '24d',
  CALLBACK_TIMEOUT: '365d',
  RESULT_RETENTION: '365d',
  LEDGER_RETENTION: '3650d'
} as const

type Environment = Readonly<Record<string, string | undefined>>

/** Reads the environment; throws one ConfigError with every fault. `callbackUrlLength` is that of the longest CallbackUrl. */
export function readConfig(
  callbackUrlLength: (publicUrl: string, kid: string) => number,
  env: Environment = process.env
): Config {
  const faults: string[] = []
  const fault: Fault = (name, message) => void faults.push(`${name} ${message}`)
  const raw = readSettings(readSecretFiles(env, fault), fault)

  const { SECRET_KEYS, API_TOKENS, RETRY_POLICY_FILE } = raw
  const publicUrl = (raw.PUBLIC_URL ?? '').replace(/\/+$/, '')
  const secretKeys = SECRET_KEYS === undefined ? null : parseSecretKeys(SECRET_KEYS, fault)
  const apiTokens = API_TOKENS === undefined ? null : parseApiTokens(API_TOKENS, fault)
  const policy =
    RETRY_POLICY_FILE === undefined ? BUILT_IN_POLICY : readRetryPolicy(RETRY_POLICY_FILE, fault)
  const longest = Math.max(
    0,
    ...(secretKeys ?? []).map(({ kid }) => callbackUrlLength(publicUrl, kid))
  )
  if (longest > CALLBACK_URL_LIMIT) {
    const excess = longest - CALLBACK_URL_LIMIT
    fault(
      'PUBLIC_URL',
      `is ${excess} characters too long: Khipu takes a CallbackUrl of ${CALLBACK_URL_LIMIT}`
    )
  }
  for (const name of ['REDIS_URL', 'PUBLIC_URL', 'KHIPU_BASE_URL'] as const) {
    const url = raw[name]
    if (url !== undefined && !URL.canParse(url))
      fault(name, 'must be an address: its host or port is not one')
  }
  for (const [name, most] of Object.entries(LONGEST)) {
    const given = raw[name as keyof typeof LONGEST]
    if (given !== undefined && toMs(given) > toMs(most)) fault(name, `must be at most ${most}`)
  }
  if (raw.KHIPU_API_KEY !== undefined && raw.KHIPU_JWT !== undefined) {
    fault('KHIPU_JWT', 'and KHIPU_API_KEY are both given: Khipu takes one of them')
  }
  if (faults.length > 0 || secretKeys === null || apiTokens === null || policy === null) {
    throw new ConfigError(faults)
  }
  return toConfig(raw as RawSettings, { publicUrl, secretKeys, apiTokens, policy })
}

type Understood = Pick<Config, 'publicUrl' | 'secretKeys' | 'apiTokens' | 'policy'>

function toConfig(raw: RawSettings, understood: Understood): Config {
  const config: Config = {
    ...understood,
    role: raw.ROLE,
    redisUrl: raw.REDIS_URL,
    publicListener: { host: raw.PUBLIC_HOST, port: raw.PUBLIC_PORT },
    adminListener: { host: raw.ADMIN_HOST, port: raw.ADMIN_PORT },
    khipuBaseUrl: raw.KHIPU_BASE_URL.replace(/\/+$/, ''),
    khipuAuthorization: authorizationOf(raw),
    requestTimeoutMs: toMs(raw.KHIPU_REQUEST_TIMEOUT),
    callbackTimeoutMs: toMs(raw.CALLBACK_TIMEOUT),
    resultQueue: raw.RESULT_QUEUE,
    queuePrefix: raw.QUEUE_PREFIX,
    resultRetentionMs: toMs(raw.RESULT_RETENTION),
    ledgerRetentionMs: toMs(raw.LEDGER_RETENTION),
    workerConcurrency: raw.WORKER_CONCURRENCY,
    sweepIntervalMs: toMs(raw.SWEEP_INTERVAL),
    bodyLimit: bytes.parse(raw.BODY_LIMIT) ?? 0,
    logLevel: raw.LOG_LEVEL
  }
  return Object.freeze(config)
}

function authorizationOf({ KHIPU_JWT, KHIPU_API_KEY }: RawSettings): Config['khipuAuthorization'] {
  if (KHIPU_JWT !== undefined) return { jwt: KHIPU_JWT }
  return KHIPU_API_KEY === undefined ? null : { apiKey: KHIPU_API_KEY }
}
