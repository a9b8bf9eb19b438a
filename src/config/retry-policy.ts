import { readFileSync } from 'node:fs'
import ms, { type StringValue } from 'ms'
import type { RetryCause } from '../core/error-cause.ts'
import { BUILT_IN_POLICY, type Policy, type RetryRule } from '../core/policy.ts'
import type { RetryAfterRow, RetryPolicy, RetryRow } from '../schemas/generated.ts'
import { parseJson } from '../schemas/json.ts'
import { repeatedKeys } from '../schemas/repeated-keys.ts'
import { check } from '../schemas/validate.ts'
import type { ReportViolation } from './violation.ts'

/** Reads RETRY_POLICY_FILE: its rows take the place of the built-in's. Every fault is reported, and then null. */
export function readRetryPolicy(path: string, report: ReportViolation): Policy | null {
  const fault = (message: string) => report('RETRY_POLICY_FILE', message)
  const value = readJson(path, fault)
  if (value === undefined) return null
  const checked = check('retry-policy', value, { list: 'all', unknownKeys: 'named' })
  if (checked.valid) return toPolicy(checked.value)
  for (const { path: where, message } of checked.faults) fault(`${where || '/'} ${message}`)
  return null
}

/** The policy that a policy file describes; what it leaves out stays as built in. */
export function toPolicy({ retry = {}, park = {}, ...limits }: RetryPolicy): Policy {
  const { requestMaxAge, releasesPerSecond, maxAttempts, probes } = limits
  return {
    retry: { ...BUILT_IN_POLICY.retry, ...mapValues(retry, toRule) },
    parkedMaxMs: {
      ...BUILT_IN_POLICY.parkedMaxMs,
      ...mapValues(park, ({ failAfter }) => toMs(failAfter))
    },
    requestMaxAgeMs: requestMaxAge ? toMs(requestMaxAge) : BUILT_IN_POLICY.requestMaxAgeMs,
    releasesPerSecond: releasesPerSecond ?? BUILT_IN_POLICY.releasesPerSecond,
    maxAttempts: maxAttempts ?? BUILT_IN_POLICY.maxAttempts,
    probes: probes ?? BUILT_IN_POLICY.probes
  }
}

/** A duration in ms; its form has been checked by a schema. */
export function toMs(duration: string): number {
  return ms(duration as StringValue)
}

function toRule(row: RetryRow | RetryAfterRow, cause: string): RetryRule {
  const { delays, jitter, maxRetries } = row
  const builtIn = BUILT_IN_POLICY.retry[cause as RetryCause].retryAfterMaxMs
  const given = 'retryAfterMax' in row ? row.retryAfterMax : undefined
  return {
    delaysMs: delays.map(toMs),
    jitter: typeof jitter === 'number' ? { share: jitter } : { upToMs: toMs(jitter) },
    maxRetries,
    retryAfterMaxMs: given === undefined ? builtIn : toMs(given)
  }
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V, key: string) => W) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]))
}

/** Undefined where a fault was told. A key that comes twice is one: only the last of them would count. */
function readJson(path: string, fault: (message: string) => void): unknown {
  const bytes = readFile(path)
  const parsed = parseJson(bytes)
  if (parsed.ok) return parsed.value
  const { rule, message } = parsed.fault
  if (rule === 'duplicate-key') {
    for (const keys of repeatedKeys(bytes).slice(0, MOST_FAULTS)) fault(repeated(keys, message))
  } else fault(rule === 'json' ? 'names a file that cannot be read as JSON' : message)
  return undefined
}

/** As many as the schema's check lists. */
const MOST_FAULTS = 20
/** What every key of a policy is. Another one, with a line break in it say, is not repeated in a message. */
const WORD = /^[\w-]{1,40}$/

function repeated(keys: readonly (string | number)[], message: string): string {
  const unnamed = keys.findIndex((key) => !WORD.test(String(key)))
  if (unnamed === -1) return `/${keys.join('/')} is given more than once`
  return `/${keys.slice(0, unnamed).join('/')} ${message}`
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch {
    return new Uint8Array()
  }
}
