import type { ReportViolation } from './violation.ts'
import { readRetryPolicy } from './retry-policy.ts'
import { parseApiTokens, parseSecretKeys, readSecretFiles } from './secrets.ts'
import { checkCallbackUrl, checkSettings, parseNetworks } from './checks.ts'
import { readProxy, withProxyNames } from './proxy.ts'
import { readSettings } from './read-settings.ts'
import { readRedisCa } from './redis-settings.ts'
import type { RawSettings } from './settings.ts'
import { type Config, toConfig, withoutSlash } from './to-config.ts'
import { warningsOf } from './warnings.ts'
import { BUILT_IN_POLICY } from '../core/policy.ts'

export type { Config }

/** An invalid configuration. The message lists every violation and contains no value of a setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(faults: readonly string[]) {
    super(['The configuration is wrong:', ...faults.map((fault) => `  - ${fault}`)].join('\n'))
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the environment; throws one ConfigError with all violations. `callbackUrlLength` returns the length of each
 * CallbackUrl that a key signs.
 */
export function readConfig(
  callbackUrlLength: (publicUrl: string, kid: string) => number,
  env: Environment = process.env
): Config {
  const faults: string[] = []
  const fault: ReportViolation = (name, message) => void faults.push(`${name} ${message}`)
  const resolved = readSecretFiles(withProxyNames(env), fault)
  const raw = readSettings(resolved, fault)

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
  const given = { env: resolved, raw: raw as RawSettings, secretKeys, apiTokens }
  const understood = {
    publicUrl,
    secretKeys,
    apiTokens,
    policy,
    trustedProxies,
    redisCa,
    khipuProxy,
    warnings: warningsOf(given)
  }
  return toConfig(given.raw, understood)
}

/** Reads only SECRET_KEYS, for a command that needs nothing else; throws a ConfigError with all violations. */
export function readSecretKeys(env: Environment = process.env): Config['secretKeys'] {
  const faults: string[] = []
  const fault: ReportViolation = (name, message) => void faults.push(`${name} ${message}`)
  const { SECRET_KEYS, SECRET_KEYS_FILE } = env
  const resolved = readSecretFiles({ SECRET_KEYS, SECRET_KEYS_FILE }, fault)
  const text = resolved['SECRET_KEYS']
  const keys = text === undefined ? null : parseSecretKeys(text, fault)
  if (text === undefined && faults.length === 0) fault('SECRET_KEYS', 'is required')
  if (faults.length > 0 || keys === null) throw new ConfigError(faults)
  return keys
}
