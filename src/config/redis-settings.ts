import { readFileSync } from 'node:fs'
import type { ReportViolation } from './violation.ts'
import { isServer, parseRedisUrl, type RedisServer } from './redis-url.ts'
import type { RawSettings } from './settings.ts'

/** One process of Redis or of Sentinel. */
export interface Node {
  readonly host: string
  readonly port: number
}

/** Where Redis is: at the URL, or at some nodes of a Cluster, or at the primary that Sentinels name. */
export interface RedisSettings extends RedisServer {
  /** The PEM of the authority that signed its certificate; null for the authorities that Node knows. */
  readonly ca: string | null
  readonly cluster?: readonly Node[]
  readonly sentinel?: {
    readonly nodes: readonly Node[]
    readonly name: string
    readonly password: string | null
  }
}

/** Makes the Redis settings from raw settings that have passed `checkRedis`. */
export function redisOf(raw: RawSettings, ca: string | null): RedisSettings {
  const { REDIS_URL, REDIS_CLUSTER, REDIS_SENTINELS } = raw
  const { REDIS_SENTINEL_NAME: name, REDIS_SENTINEL_PASSWORD: password = null } = raw
  const server = parseRedisUrl(REDIS_URL)
  if (!isServer(server)) throw new Error('REDIS_URL was not checked')
  if (REDIS_CLUSTER !== undefined) return { ...server, ca, cluster: nodesOf(REDIS_CLUSTER) }
  if (REDIS_SENTINELS === undefined) return { ...server, ca }
  return { ...server, ca, sentinel: { nodes: nodesOf(REDIS_SENTINELS), name, password } }
}

function nodesOf(text: string): Node[] {
  return text.split(',').map((item) => {
    const colon = item.lastIndexOf(':')
    const host = item.slice(0, colon).trim()
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(item.slice(colon + 1)) }
  })
}

/** Checks the settings of Redis against each other. */
export function checkRedis(raw: Partial<RawSettings>, report: ReportViolation): void {
  const { REDIS_URL, REDIS_CLUSTER, REDIS_SENTINELS } = raw
  const parsed = REDIS_URL === undefined ? [] : parseRedisUrl(REDIS_URL)
  const database = isServer(parsed) ? parsed.database : 0
  if (!isServer(parsed)) parsed.forEach((message) => report('REDIS_URL', message))
  if (REDIS_CLUSTER !== undefined) checkCluster(raw, database, report)
  if (REDIS_CLUSTER !== undefined && REDIS_SENTINELS !== undefined) {
    report('REDIS_SENTINELS', 'and REDIS_CLUSTER are both given: a Cluster needs no Sentinel')
  }
}

const HASH_TAG = /^\{[^{}]+\}$/

function checkCluster(raw: Partial<RawSettings>, database: number, report: ReportViolation): void {
  const { QUEUE_PREFIX, ACK_REPLICAS = 0 } = raw
  if (QUEUE_PREFIX !== undefined && !HASH_TAG.test(QUEUE_PREFIX)) {
    report('QUEUE_PREFIX', 'must be in braces on a Cluster, as {khipu}: a queue lies in one slot')
  }
  if (database > 0) {
    report('REDIS_URL', 'must name no database: a Cluster has the first one alone')
  }
  if (ACK_REPLICAS > 0) {
    report(
      'ACK_REPLICAS',
      'is for one Redis and for Sentinel: give the masters of a Cluster min-replicas-to-write'
    )
  }
}

/** Reads REDIS_CA_FILE. Reports a violation where the file has no certificate or REDIS_URL has no TLS. */
export function readRedisCa(
  { REDIS_CA_FILE: path, REDIS_URL: url = '' }: Partial<RawSettings>,
  report: ReportViolation
): string | null {
  const reportFile = (message: string) => report('REDIS_CA_FILE', message)
  if (path === undefined) return null
  if (url.startsWith('redis:')) reportFile('is for TLS alone: REDIS_URL must begin with rediss://')
  const pem = readText(path)
  if (pem === null) reportFile('names a file that cannot be read')
  else if (!pem.includes('-----BEGIN CERTIFICATE-----'))
    reportFile('names a file without a certificate')
  return pem
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
