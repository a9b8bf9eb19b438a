import type { Policy, RetryRule } from './policy.ts'

/** Warnings about an allowed policy that disobeys Khipu or a bank: one sentence per row, which starts with its name. */
export function policyWarnings({ retry }: Policy): string[] {
  return [
    ...burstsOf('retry-immediately', retry['retry-immediately']),
    ...warningsOfCredentials(retry['refused-logon']),
    ...warningsOfWait(retry['wait-4-hours']),
    ...burstsOf('temporary', retry.temporary)
  ]
}

const FOUR_HOURS_MS = 14_400_000

function warningsOfWait(rule: RetryRule): string[] {
  const isEarly = delaysUsed(rule).some((delayMs) => delayMs < FOUR_HOURS_MS)
  return isEarly ? ['wait-4-hours: it waits less than the 4 hours that Khipu asks for'] : []
}

function warningsOfCredentials({ maxRetries }: RetryRule): string[] {
  if (maxRetries <= 1) return []
  return [
    `refused-logon: it retries a refused log-on ${maxRetries} times, and a bank locks accounts: set maxRetries to 1`
  ]
}

function burstsOf(row: string, rule: RetryRule): string[] {
  const isBurst = delaysUsed(rule).slice(1).includes(0)
  return isBurst
    ? [`${row}: it has a delay of 0 from the second retry on, and each retry costs money`]
    : []
}

/** The delay of each retry that the rule allows. The last one repeats. */
function delaysUsed({ delaysMs, maxRetries }: RetryRule): number[] {
  const last = delaysMs.at(-1) ?? 0
  return Array.from({ length: maxRetries }, (_, retry) => delaysMs[retry] ?? last)
}
