import { readFileSync } from 'node:fs'
import ms, { type StringValue } from 'ms'
import { BUILT_IN_POLICY, type Policy, type RetryRule } from '../core/policy.ts'
import type { RetryPolicy, RetryRow, TemporaryRow } from '../schemas/generated.ts'
import { check } from '../schemas/validate.ts'

type Fault = (name: string, message: string) => void

/** Reads RETRY_POLICY_FILE: its rows take the place of the built-in's. Every fault is reported, and then null. */
export function readRetryPolicy(path: string, report: Fault): Policy | null {
  const fault = (message: string) => report('RETRY_POLICY_FILE', message)
  const value = readJson(path)
  if (value === undefined) {
    fault('names a file that cannot be read as JSON')
    return null
  }
  const checked = check('retry-policy', value, { list: 'all', unknownKeys: 'named' })
  if (checked.valid) return toPolicy(checked.value)
  for (const { path: where, message } of checked.faults) fault(`${where || '/'} ${message}`)
  return null
}

/** The policy that a policy file describes; what it leaves out stays as built in. */
export function toPolicy({ retry = {}, park = {}, ...limits }: RetryPolicy): Policy {
  const { requestMaxAge, releasesPerSecond } = limits
  return {
    retry: { ...BUILT_IN_POLICY.retry, ...mapValues(retry, toRule) },
    parkedMaxMs: {
      ...BUILT_IN_POLICY.parkedMaxMs,
      ...mapValues(park, ({ failAfter }) => toMs(failAfter))
    },
    requestMaxAgeMs: requestMaxAge ? toMs(requestMaxAge) : BUILT_IN_POLICY.requestMaxAgeMs,
    releasesPerSecond: releasesPerSecond ?? BUILT_IN_POLICY.releasesPerSecond
  }
}

/** A duration in ms; its form has been checked by a schema. */
export function toMs(duration: string): number {
  return ms(duration as StringValue)
}

function toRule(row: RetryRow | TemporaryRow): RetryRule {
  const { delays, jitter, maxRetries } = row
  return {
    delaysMs: delays.map(toMs),
    jitter: typeof jitter === 'number' ? { share: jitter } : { upToMs: toMs(jitter) },
    maxRetries,
    retryAfterMaxMs: 'retryAfterMax' in row && row.retryAfterMax ? toMs(row.retryAfterMax) : 0
  }
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V) => W) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
