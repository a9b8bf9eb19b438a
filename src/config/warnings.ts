import type { SecretKey } from '../core/secret-key.ts'
import { nearNames } from './near-names.ts'
import { isServer, parseRedisUrl } from './redis-url.ts'
import type { ApiToken } from './secrets.ts'
import { type RawSettings, SECRETS, SETTINGS } from './settings.ts'

/** The environment and the settings that were read from it. */
export interface GivenSettings {
  /** The environment with the contents of secret files and without empty values. */
  readonly env: Readonly<Record<string, string>>
  readonly raw: RawSettings
  readonly secretKeys: readonly SecretKey[]
  readonly apiTokens: readonly ApiToken[]
}

/** Warnings about valid settings that are probably mistakes. Each is a sentence without a value. */
export function warningsOf(given: GivenSettings): readonly string[] {
  return [...mistyped(given), ...quoted(given), ...doubled(given), ...guessable(given)]
}

function mistyped({ env }: GivenSettings): string[] {
  const known = [...Object.keys(SETTINGS.properties), ...SECRETS.map((name) => `${name}_FILE`)]
  return nearNames(Object.keys(env), known).map(
    ([name, meant]) => `${name} is no setting of this service, and has no effect: is it ${meant}?`
  )
}

// A shell removes quotes. An env file of Docker and a file with a secret keep them.
function quoted({ env, raw, apiTokens }: GivenSettings): string[] {
  const whole = Object.keys(SETTINGS.properties).filter((name) => isQuoted(env[name]))
  const server = parseRedisUrl(raw.REDIS_URL)
  const isPassword = isServer(server) && isQuoted(server.password ?? undefined)
  return [
    ...whole.map((name) => `${name} is in quotes, which count as a part of it`),
    ...(isPassword ? ['the password in REDIS_URL is in quotes, which count as a part of it'] : []),
    ...apiTokens
      .filter(({ token }) => isQuoted(token))
      .map(
        ({ name }) => `the token '${name}' of API_TOKENS is in quotes, which count as a part of it`
      )
  ]
}

function isQuoted(value: string | undefined): boolean {
  return value !== undefined && /^(["'`]).*\1$/s.test(value)
}

// Finds an address that already ends with the path that the service appends to it.
function doubled({ raw: { KHIPU_BASE_URL, PUBLIC_URL } }: GivenSettings): string[] {
  const withVersion = partsOf(KHIPU_BASE_URL).includes('v1')
  const withPath = partsOf(PUBLIC_URL).at(-1) === 'callbacks'
  return [
    ...(withVersion
      ? ['KHIPU_BASE_URL has /v1 in its path, which is added to it: Khipu would be asked at /v1/v1']
      : []),
    ...(withPath
      ? [
          'PUBLIC_URL ends in /callbacks, which is added to it: Khipu would call /callbacks/callbacks'
        ]
      : [])
  ]
}

function partsOf(url: string): string[] {
  return new URL(url).pathname.split('/').filter((part) => part !== '')
}

/** 32 random bytes almost always contain at least 24 different values. */
const FEWEST_BYTES = 16

function guessable({ secretKeys }: GivenSettings): string[] {
  return secretKeys
    .filter(({ bytes }) => new Set(bytes).size < FEWEST_BYTES)
    .map(
      ({ kid }) =>
        `key '${kid}' of SECRET_KEYS does not look random: make one with openssl rand -base64 32`
    )
}
