import type { RetryCause } from '../../src/core/error-cause.ts'
import { BUILT_IN_POLICY, type Policy, type RetryRule } from '../../src/core/policy.ts'
import { HOUR, MINUTE, SECOND } from './given.ts'

/** A policy, and how often it allows each retry: said twice, so that a slip shows. */
export interface Rules {
  readonly policy: Policy
  readonly mostRetries: Readonly<Record<string, number>>
}

/** The policy of those who set none. */
export const BUILT_IN: Rules = {
  policy: BUILT_IN_POLICY,
  mostRetries: {
    'retry-immediately': 5,
    'refused-logon': 1,
    'wait-4-hours': 6,
    temporary: 8,
    'no-callback': 2
  }
}
/** Few retries and short times, so that a short life meets every limit. */
export const STRICT: Rules = {
  policy: {
    retry: {
      'retry-immediately': rule(2, [0, 5 * SECOND]),
      'refused-logon': rule(0, [0]),
      'wait-4-hours': rule(1, [4 * HOUR]),
      temporary: { ...rule(2, [2 * SECOND]), retryAfterMaxMs: 10 * MINUTE },
      'no-callback': rule(1, [MINUTE])
    },
    parkedMaxMs: {
      'retry-after-notification': 2 * HOUR,
      'unknown-type': HOUR,
      unauthorized: 3 * HOUR,
      'authorization-expired': 4 * HOUR,
      credentials: 5 * HOUR,
      quarantined: 5 * HOUR,
      'unreadable-answer': 5 * HOUR
    },
    requestMaxAgeMs: 10 * HOUR,
    releasesPerSecond: 1,
    maxAttempts: 7,
    probes: 2
  },
  mostRetries: {
    'retry-immediately': 2,
    'refused-logon': 0,
    'wait-4-hours': 1,
    temporary: 2,
    'no-callback': 1
  }
}

/** The built-in policy with another rule for one cause. */
export function withRow(cause: RetryCause, changes: Partial<RetryRule>): Policy {
  const row = { ...BUILT_IN_POLICY.retry[cause], ...changes }
  return { ...BUILT_IN_POLICY, retry: { ...BUILT_IN_POLICY.retry, [cause]: row } }
}

function rule(maxRetries: number, delaysMs: number[]): RetryRule {
  return { delaysMs, jitter: { share: 0.2 }, maxRetries, retryAfterMaxMs: 0 }
}
