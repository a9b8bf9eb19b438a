import { readFileSync } from 'node:fs'
import type { SecretKey } from '../core/secret-key.ts'
import { forgetLowerCase } from './proxy.ts'
import { SECRETS } from './settings.ts'
import type { ReportViolation } from './violation.ts'

/** The scopes of bearer tokens. Each scope includes the scopes before it. */
export const SCOPES = ['read', 'write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** A named bearer token of the operator API. */
export interface ApiToken {
  readonly name: string
  readonly scope: Scope
  readonly token: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** The environment without empty values. The content of the file that `X_FILE` names becomes the value of `X`. */
export function readSecretFiles(env: Environment, report: ReportViolation): Record<string, string> {
  const given = Object.entries(env).filter((entry): entry is [string, string] =>
    Boolean(entry[1]?.trim())
  )
  const resolved = Object.fromEntries(given)
  for (const name of SECRETS) {
    const file = resolved[`${name}_FILE`]
    if (file === undefined) continue
    if (resolved[name] !== undefined) report(name, `is given twice: take ${name} or ${name}_FILE`)
    try {
      resolved[name] = readFileSync(file, 'utf8').trim()
    } catch {
      report(`${name}_FILE`, 'names a file that cannot be read')
    }
  }
  return resolved
}

/** Deletes the secrets from the environment, because diagnostic reports and child processes would contain them. */
export function forgetSecrets(env: Record<string, string | undefined> = process.env): void {
  for (const name of SECRETS) delete env[name]
  forgetLowerCase(env)
}

const KEY = /^(?<kid>[A-Za-z0-9_-]{1,16}):(?<base64>[A-Za-z0-9+/_-]+={0,2})$/

/**
 * Parses SECRET_KEYS. Reports a violation and returns null where an item is not `kid:base64 of 32 bytes` or a kid is
 * repeated.
 */
export function parseSecretKeys(
  text: string,
  report: ReportViolation
): [SecretKey, ...SecretKey[]] | null {
  const keys = split(text).map((item) => {
    const { kid = '', base64 = '' } = KEY.exec(item)?.groups ?? {}
    return { kid, bytes: Buffer.from(base64, 'base64') }
  })
  const [first, ...others] = keys
  const sound = keys.every(({ kid, bytes }) => kid !== '' && bytes.length === 32)
  const distinct = new Set(keys.map(({ kid }) => kid)).size === keys.length
  const differ = new Set(keys.map(({ bytes }) => bytes.toString('hex'))).size === keys.length
  if (sound && distinct && first !== undefined) {
    if (!differ) report('SECRET_KEYS', 'has the same bytes under two kids')
    if (keys.some(isOneByte))
      report('SECRET_KEYS', 'has a key of one repeated byte: make a random one')
    return [first, ...others]
  }
  report('SECRET_KEYS', 'must be kid:base64 of 32 bytes, separated by commas, each kid once')
  return null
}

function isOneByte({ bytes }: SecretKey): boolean {
  return new Set(bytes).size === 1
}

const TOKEN =
  /^(?<name>[A-Za-z0-9_.-]{1,64})(?:\/(?<scope>read|write|admin))?:(?<token>[\x21-\x2b\x2d-\x7e]+)$/

/**
 * Parses API_TOKENS. Reports a violation and returns null where an item is not `name:token` or `name/scope:token`, or a
 * name is repeated.
 */
export function parseApiTokens(text: string, report: ReportViolation): ApiToken[] | null {
  const tokens = split(text).map((item) => {
    const { name = '', scope = 'admin', token = '' } = TOKEN.exec(item)?.groups ?? {}
    return { name, scope: scope as Scope, token }
  })
  const sound = tokens.length > 0 && tokens.every(({ name }) => name !== '')
  const distinct = new Set(tokens.map(({ name }) => name)).size === tokens.length
  const differ = new Set(tokens.map(({ token }) => token)).size === tokens.length
  if (sound && distinct && !differ) report('API_TOKENS', 'has the same token under two names')
  if (sound && distinct) return tokens
  report(
    'API_TOKENS',
    'must be name:token or name/scope:token, separated by commas, each name once'
  )
  return null
}

function split(text: string): string[] {
  return text.split(',').map((item) => item.trim())
}
