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
  constructor(violations: readonly string[]) {
    super(
      ['The configuration is wrong:', ...violations.map((violation) => `  - ${violation}`)].join(
        '\n'
      )
    )
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
  const violations: string[] = []
  const report: ReportViolation = (name, message) => void violations.push(`${name} ${message}`)
  const resolved = readSecretFiles(withProxyNames(env), report)
  const raw = readSettings(resolved, report)

  const { SECRET_KEYS, API_TOKENS, RETRY_POLICY_FILE, TRUST_PROXY } = raw
  const publicUrl = withoutSlash(raw.PUBLIC_URL ?? '')
  const secretKeys = SECRET_KEYS === undefined ? null : parseSecretKeys(SECRET_KEYS, report)
  const apiTokens = API_TOKENS === undefined ? null : parseApiTokens(API_TOKENS, report)
  const policy =
    RETRY_POLICY_FILE === undefined ? BUILT_IN_POLICY : readRetryPolicy(RETRY_POLICY_FILE, report)
  checkCallbackUrl(callbackUrlLength, publicUrl, secretKeys ?? [], report)
  checkSettings(raw, report)
  const trustedProxies = TRUST_PROXY === undefined ? [] : parseNetworks(TRUST_PROXY, report)
  const redisCa = readRedisCa(raw, report)
  const khipuProxy = readProxy(raw, report)
  if (violations.length > 0 || secretKeys === null || apiTokens === null || policy === null) {
    throw new ConfigError(violations)
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
  const violations: string[] = []
  const report: ReportViolation = (name, message) => void violations.push(`${name} ${message}`)
  const { SECRET_KEYS, SECRET_KEYS_FILE } = env
  const resolved = readSecretFiles({ SECRET_KEYS, SECRET_KEYS_FILE }, report)
  const text = resolved['SECRET_KEYS']
  const keys = text === undefined ? null : parseSecretKeys(text, report)
  if (text === undefined && violations.length === 0) report('SECRET_KEYS', 'is required')
  if (violations.length > 0 || keys === null) throw new ConfigError(violations)
  return keys
}
