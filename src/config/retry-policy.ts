import { readFileSync } from 'node:fs'
import ms, { type StringValue } from 'ms'
import type { RetryCause } from '../core/error-cause.ts'
import { BUILT_IN_POLICY, type Policy, type RetryRule } from '../core/policy.ts'
import type { RetryAfterRow, RetryPolicy, RetryRow } from '../schemas/generated.ts'
import { parseJson } from '../schemas/json.ts'
import { repeatedKeys } from '../schemas/repeated-keys.ts'
import { check } from '../schemas/validate.ts'
import type { ReportViolation } from './violation.ts'

/** Reads RETRY_POLICY_FILE, whose rows replace those of the built-in policy. Reports violations; then returns null. */
export function readRetryPolicy(path: string, report: ReportViolation): Policy | null {
  const reportFile = (message: string) => report('RETRY_POLICY_FILE', message)
  const value = readJson(path, reportFile)
  if (value === undefined) return null
  const checked = check('retry-policy', value, { list: 'all', unknownKeys: 'named' })
  if (checked.valid) return toPolicy(checked.value)
  for (const { path: where, message } of checked.faults) reportFile(`${where || '/'} ${message}`)
  return null
}

/** Makes the policy that a policy file describes. Rows and limits that the file omits stay as built in. */
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

/** Converts a duration to ms. A schema has checked its form before. */
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

/** Undefined where it reported a violation. A repeated key is a violation, because only its last value would count. */
function readJson(path: string, reportFile: (message: string) => void): unknown {
  const bytes = readFile(path)
  const parsed = parseJson(bytes)
  if (parsed.ok) return parsed.value
  const { rule, message } = parsed.fault
  if (rule === 'duplicate-key') {
    for (const keys of repeatedKeys(bytes).slice(0, MOST_VIOLATIONS))
      reportFile(repeated(keys, message))
  } else reportFile(rule === 'json' ? 'names a file that cannot be read as JSON' : message)
  return undefined
}

/** The most violations that are reported. The check against the schema lists as many. */
const MOST_VIOLATIONS = 20
/** The form of every valid key of a policy. A message never repeats another key, which might contain a line break. */
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
