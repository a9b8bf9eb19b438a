import { isIPv6 } from 'node:net'

/** The parts of REDIS_URL. */
export interface RedisServer {
  /** A name or an address. An IPv6 address has no brackets. */
  readonly host: string
  readonly port: number
  readonly username: string | null
  readonly password: string | null
  /** The number of the database; 0 where the URL names none. */
  readonly database: number
  readonly isTls: boolean
}

/** The violations of a REDIS_URL. They do not contain its value. */
export type UrlViolations = readonly string[]

const DEFAULT_PORT = 6379

/**
 * Parses a REDIS_URL. No other code parses it, and the URL never reaches ioredis. That would read an invalid database
 * as 0, a missing host as localhost, and any parameter as one of its options.
 */
export function parseRedisUrl(text: string): RedisServer | UrlViolations {
  const url = URL.parse(text)
  if (url === null || url.port === '0') return [UNREADABLE]
  const [username, password] = [decode(url.username), decode(url.password)]
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const database = DATABASE.exec(url.pathname)?.[1]
  const violations = [
    ...(username === undefined || password === undefined ? [NOT_ENCODED] : []),
    ...(host === '' ? [NO_HOST] : []),
    ...(host === '' || HOST.test(host) || isIPv6(host) ? [] : [UNREADABLE]),
    ...(database === undefined ? [NO_NUMBER] : []),
    ...(url.search === '' ? [] : [PARAMETER]),
    ...(url.hash === '' ? [] : [FRAGMENT])
  ]
  if (violations.length > 0) return violations
  return {
    host,
    port: Number(url.port || DEFAULT_PORT),
    username: username || null,
    password: password || null,
    database: Number(database),
    isTls: url.protocol === 'rediss:'
  }
}

export function isServer(parsed: RedisServer | UrlViolations): parsed is RedisServer {
  return !Array.isArray(parsed)
}

const HOST = /^[A-Za-z0-9._-]+$/
/** A slash without a number names no database. */
const DATABASE = /^\/?([0-9]{0,9})$/

const UNREADABLE =
  'must be an address: its host or port is not one (write / ? # @ in a password as %2F %3F %23 %40)'
const NOT_ENCODED = 'has a % in user or password that begins no escape: write it as %25'
const NO_HOST = 'must name a host: a socket on this machine is not taken'
const NO_NUMBER = 'must have the number of a database, or nothing, behind the slash'
const PARAMETER = 'must have no parameters: none is known here'
const FRAGMENT = 'must have no fragment: write # as %23'

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
