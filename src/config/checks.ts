import { isIP } from 'node:net'
import bytes from 'bytes'
import type { SecretKey } from '../core/secret-key.ts'
import type { ReportViolation } from './violation.ts'
import { checkRedis } from './redis-settings.ts'
import { toMs } from './retry-policy.ts'
import type { RawSettings } from './settings.ts'

/** The most characters that Khipu allows in a CallbackUrl. */
export const CALLBACK_URL_LIMIT = 255

/** The limits of timers and instants. A timer of Node for more than 24.8 days fires at once. */
const LONGEST = {
  KHIPU_REQUEST_TIMEOUT: '24d',
  SWEEP_INTERVAL: '24d',
  CALLBACK_TIMEOUT: '365d',
  RESULT_RETENTION: '365d',
  LEDGER_RETENTION: '3650d',
  QUARANTINE_RETENTION: '3650d'
} as const

/**
 * Checks what the schema of a single setting cannot: invalid addresses, durations that are too long, and settings that
 * exclude or limit each other.
 */
export function checkSettings(raw: Partial<RawSettings>, report: ReportViolation): void {
  for (const name of ['PUBLIC_URL', 'KHIPU_BASE_URL'] as const) {
    const url = raw[name]
    if (url !== undefined && !URL.canParse(url))
      report(name, 'must be an address: its host or port is not one')
  }
  checkRedis(raw, report)
  for (const [name, most] of Object.entries(LONGEST)) {
    const given = raw[name as keyof typeof LONGEST]
    if (given !== undefined && toMs(given) > toMs(most)) report(name, `must be at most ${most}`)
  }
  if (sizeOf(raw.QUARANTINE_SIZE) < sizeOf(raw.BODY_LIMIT) * (raw.PARTITIONS ?? 1)) {
    const each = raw.PARTITIONS === 1 ? '' : ', for each of the PARTITIONS'
    report('QUARANTINE_SIZE', `must be at least BODY_LIMIT${each}`)
  }
  const { SPOOL_DIR, SPOOL_LIMIT, BODY_LIMIT } = raw
  if (SPOOL_DIR !== undefined && SPOOL_LIMIT !== undefined) {
    const holdsOne = sizeOf(SPOOL_LIMIT) > sizeOf(BODY_LIMIT)
    if (!holdsOne) report('SPOOL_LIMIT', 'must be more than BODY_LIMIT')
  }
  if (raw.KHIPU_API_KEY !== undefined && raw.KHIPU_JWT !== undefined) {
    report('KHIPU_JWT', 'and KHIPU_API_KEY are both given: Khipu takes one of them')
  }
}

function sizeOf(size: string | undefined): number {
  return bytes.parse(size ?? '') ?? 0
}

/** Checks that a CallbackUrl fits, no matter which of the keys signs it. */
export function checkCallbackUrl(
  lengthOf: (publicUrl: string, kid: string) => number,
  publicUrl: string,
  secretKeys: readonly SecretKey[],
  report: ReportViolation
): void {
  const excess =
    Math.max(0, ...secretKeys.map(({ kid }) => lengthOf(publicUrl, kid))) - CALLBACK_URL_LIMIT
  if (excess > 0) {
    report(
      'PUBLIC_URL',
      `is ${excess} characters too long: Khipu takes a CallbackUrl of ${CALLBACK_URL_LIMIT}`
    )
  }
}

/** Parses TRUST_PROXY; reports a violation where an item is neither an address nor a network. */
export function parseNetworks(text: string, report: ReportViolation): readonly string[] {
  const networks = text.split(',').map((item) => item.trim())
  if (!networks.every(isNetwork)) {
    report('TRUST_PROXY', 'must be addresses and networks such as 10.0.0.7,192.168.0.0/16')
  }
  return networks
}

function isNetwork(text: string): boolean {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  // A prefix of 0 would trust every address.
  return version !== 0 && Number(prefix ?? bits) <= bits && Number(prefix ?? bits) > 0
}
