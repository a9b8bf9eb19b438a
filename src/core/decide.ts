import {
  type Cause,
  type FailCause,
  isRefusedCredentials,
  type ParkCause,
  type RetryCause
} from './error-cause.ts'
import { matches, type Notification } from './notification.ts'
import type { Policy, RetryRule } from './policy.ts'
import type { FailReason } from '../schemas/generated.ts'
import type { Request } from './request.ts'
import { hasUsedUpLogons, isUsedUp } from './send-limits.ts'

/** What to do next with a request whose attempt failed. (A good result needs no decision: it is delivered.) */
export type Decision =
  | { readonly type: 'retry'; readonly at: number; readonly cause: Cause }
  | {
      readonly type: 'park'
      readonly until: number
      readonly cause: ParkCause
      /** The instant at which it would have been sent, and before which it must not be. */
      readonly notBefore?: number
    }
  | { readonly type: 'fail'; readonly reason: FailReason }

/** How an attempt failed, and when that was received. */
export interface Failure {
  readonly cause: Cause
  readonly code: string | null
  readonly receivedAt: number
  /** Khipu's Retry-After in ms, where it sent one. */
  readonly retryAfterMs: number | null
  /** The HTTP status or the error code that an operator is told; absent where an envelope says it all. */
  readonly detail?: string
}

/** All that a decision needs to know of the world: the core has no clock, no chance and no I/O of its own. */
export interface DecisionContext {
  readonly policy: Policy
  /** Redis's clock, ms since 1970. */
  readonly now: number
  /** From 0 up to, but not, 1. */
  readonly random: number
  /** The notifications that came since the latest attempt began. */
  readonly notifications: readonly Notification[]
  /** The deadline for a callback where Khipu names none that can be read. */
  readonly callbackTimeoutMs: number
  /** When the service's own authorization expires, where that can be read. */
  readonly authorizationExpiresAt: number | null
  /** Until when, at the latest, another request of the same account is on its way; null where none is. */
  readonly busyUntil: number | null
  /** The latest attempt of which a callback was refused and kept in quarantine; null where none was. */
  readonly keptAttempt: number | null
  /** The latest log-on that the bank refused with the same credentials. */
  readonly refused: RefusedCredentials | null
  /** Until when, at the latest, another request tries the refused credentials; null where none does. */
  readonly probeUntil: number | null
}

/** A log-on that the bank refused: whose, when, and Khipu's code for it. */
export interface RefusedCredentials {
  readonly requestId: string
  readonly at: number
  readonly code: string
  /** When the attempts began that tried them since, and that proved nothing. */
  readonly probedAt?: readonly number[]
}

/** Decides what follows a failed attempt: Error.Type has named the cause, attempts and age only bound it. */
export function decide(request: Request, failure: Failure, context: DecisionContext): Decision {
  const { cause, code } = failure
  if (isFailCause(cause)) return { type: 'fail', reason: cause }
  if (isExpired(request, context)) return { type: 'fail', reason: 'expired' }
  if (isRefusedCredentials(code) && hasUsedUpLogons(request, context.policy)) return EXHAUSTED
  const decision = isParkCause(cause)
    ? parkUnlessNotified(request, { ...failure, cause }, context)
    : retryWhileAllowed(request, { ...failure, cause }, context)
  return decision.type === 'retry' ? retryWhileAuthorized(request, decision, context) : decision
}

const EXHAUSTED: Decision = { type: 'fail', reason: 'retries-exhausted' }

/** True where what the request is sent with has expired at an instant, as far as can be read. */
export function isAuthorizationExpired(
  request: Request,
  at: number,
  context: DecisionContext
): boolean {
  const { authorization } = request
  const expiresAt =
    authorization === null ? context.authorizationExpiresAt : authorization.expiresAt
  return expiresAt !== null && expiresAt <= at
}

/** True once the request is too old to be sent, not counting the time it was parked. */
export function isExpired(request: Request, { policy, now }: DecisionContext): boolean {
  return now - request.requestedAt - request.parkedMs > policy.requestMaxAgeMs
}

// A notification that came between the failing answer and this decision is the one this request
// would wait for, and it will not come again. No notification releases what must not be sent again.
function parkUnlessNotified(
  request: Request,
  failure: Failure & { readonly cause: ParkCause },
  { policy, now, notifications }: DecisionContext
): Decision {
  const { cause, code, receivedAt } = failure
  const parkable = { requestId: request.requestId, service: request.service, code, cause }
  const notified = notifications.some(
    (notification) => notification.at >= receivedAt && matches(notification, parkable)
  )
  return notified && !isUsedUp(request, policy)
    ? { type: 'retry', at: now, cause }
    : { type: 'park', until: now + policy.parkedMaxMs[cause], cause }
}

// A retry whose authorization will have expired by then is a paid request for a certain refusal.
function retryWhileAuthorized(
  request: Request,
  retry: Extract<Decision, { type: 'retry' }>,
  context: DecisionContext
): Decision {
  if (!isAuthorizationExpired(request, retry.at, context)) return retry
  const cause = 'authorization-expired'
  const until = context.now + context.policy.parkedMaxMs[cause]
  return { type: 'park', until, cause, notBefore: retry.at }
}

function retryWhileAllowed(
  request: Request,
  failure: Failure & { readonly cause: RetryCause },
  { policy, random }: DecisionContext
): Decision {
  const { cause, receivedAt, retryAfterMs } = failure
  const rule = policy.retry[cause]
  const retries = request.attempts.slice(0, -1).filter((attempt) => attempt.cause === cause).length
  if (retries >= rule.maxRetries) {
    return cause === 'no-callback' ? { type: 'fail', reason: cause } : EXHAUSTED
  }
  // It would fail before it is sent, and its caller would only hear of it later.
  if (isUsedUp(request, policy)) return EXHAUSTED
  const asked = Math.min(retryAfterMs ?? 0, rule.retryAfterMaxMs)
  const delay = Math.max(delayOf(rule, retries, random), asked)
  return { type: 'retry', at: receivedAt + Math.ceil(delay), cause }
}

function delayOf({ delaysMs, jitter }: RetryRule, retries: number, random: number): number {
  const delay = delaysMs[retries] ?? delaysMs.at(-1) ?? 0
  return delay + random * ('share' in jitter ? delay * jitter.share : jitter.upToMs)
}

const FAIL_CAUSES: ReadonlySet<Cause> = new Set<FailCause>(['do-not-retry', 'rejected'])
const PARK_CAUSES: ReadonlySet<Cause> = new Set<ParkCause>([
  'retry-after-notification',
  'unknown-type',
  'unauthorized',
  'authorization-expired',
  'credentials',
  'quarantined',
  'unreadable-answer'
])

function isFailCause(cause: Cause): cause is FailCause {
  return FAIL_CAUSES.has(cause)
}

function isParkCause(cause: Cause): cause is ParkCause {
  return PARK_CAUSES.has(cause)
}
