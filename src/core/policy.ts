import type { ParkCause, RetryCause } from './error-cause.ts'

/** How often and when a cause is retried. Delays are in ms, from the instant at which the failure was received. */
export interface RetryRule {
  /** The n-th retry waits the n-th delay. The last one repeats. */
  readonly delaysMs: readonly number[]
  /** The maximum random addition to a delay. A delay is never shortened. */
  readonly jitter: { readonly share: number } | { readonly upToMs: number }
  readonly maxRetries: number
  /** The longest Retry-After from Khipu that is honoured. */
  readonly retryAfterMaxMs: number
}

/** The limits of the decisions. Error.Type determines the decision; the policy supplies the numbers. */
export interface Policy {
  readonly retry: Readonly<Record<RetryCause, RetryRule>>
  /** How long a request stays parked before it fails. */
  readonly parkedMaxMs: Readonly<Record<ParkCause, number>>
  /** The age at which a request is no longer sent. The time it was parked does not count. */
  readonly requestMaxAgeMs: number
  /** How many parked requests a notification releases per second. */
  readonly releasesPerSecond: number
  /** How many POSTs one request may cost, over all causes. */
  readonly maxAttempts: number
  /** How many requests may try rejected bank credentials again after one notification. */
  readonly probes: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The built-in policy: the numbers of the policy table, one row per cause. */
export const BUILT_IN_POLICY: Policy = {
  retry: {
    'retry-immediately': {
      delaysMs: [0, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE],
      jitter: { share: 0.2 },
      maxRetries: 5,
      retryAfterMaxMs: 4 * HOUR
    },
    'refused-logon': {
      delaysMs: [0],
      jitter: { share: 0.2 },
      maxRetries: 1,
      retryAfterMaxMs: 4 * HOUR
    },
    'wait-4-hours': {
      delaysMs: [4 * HOUR],
      jitter: { upToMs: 5 * MINUTE },
      maxRetries: 6,
      retryAfterMaxMs: 0
    },
    temporary: {
      delaysMs: [2, 5, 12, 30, 70, 160, 360, 900].map((seconds) => seconds * SECOND),
      jitter: { share: 0.2 },
      maxRetries: 8,
      retryAfterMaxMs: 4 * HOUR
    },
    'no-callback': { delaysMs: [0], jitter: { share: 0 }, maxRetries: 2, retryAfterMaxMs: 0 }
  },
  parkedMaxMs: {
    'retry-after-notification': 7 * DAY,
    'unknown-type': 7 * DAY,
    unauthorized: 7 * DAY,
    'authorization-expired': 7 * DAY,
    credentials: 7 * DAY,
    quarantined: 7 * DAY,
    'unreadable-answer': 7 * DAY
  },
  requestMaxAgeMs: 72 * HOUR,
  releasesPerSecond: 10,
  maxAttempts: 10,
  probes: 2
}
