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

/** The next step for a request whose attempt failed. (A good result needs no decision: it is delivered.) */
export type Decision =
  | { readonly type: 'retry'; readonly at: number; readonly cause: Cause }
  | {
      readonly type: 'park'
      readonly until: number
      readonly cause: ParkCause
      /** The planned instant of the retry. A release before it must wait until then. */
      readonly notBefore?: number
    }
  | { readonly type: 'fail'; readonly reason: FailReason }

/** How an attempt failed, and when the failure was received. */
export interface Failure {
  readonly cause: Cause
  readonly code: string | null
  readonly receivedAt: number
  /** Khipu's Retry-After in ms, if Khipu sent one. */
  readonly retryAfterMs: number | null
  /** The HTTP status or the error code for the operator. Absent if an envelope contains everything. */
  readonly detail?: string
}

/** All inputs of a decision. The core has no clock, no randomness and no I/O of its own. */
export interface DecisionContext {
  readonly policy: Policy
  /** Redis's clock, ms since 1970. */
  readonly now: number
  /** At least 0, less than 1. */
  readonly random: number
  /** The notifications received since the latest attempt began, or since the rejection in `refused`. */
  readonly notifications: readonly Notification[]
  /** The deadline for a callback if Khipu names none that can be read. */
  readonly callbackTimeoutMs: number
  /** When the service's own authorization expires, if its expiry can be read. */
  readonly authorizationExpiresAt: number | null
  /**
   * The latest instant at which another request of the same account is still in flight; null if none is. `load.lua`
   * reads it, and `commit.lua` checks again: there one request per account is enforced.
   */
  readonly busyUntil: number | null
  /** The latest attempt with a rejected callback in quarantine; null if there is none. */
  readonly keptAttempt: number | null
  /** The latest rejection of the same bank credentials by the bank. */
  readonly refused: RefusedCredentials | null
  /** The latest instant at which another request still tries the rejected bank credentials; null if none does. */
  readonly probeUntil: number | null
}

/** A rejection of bank credentials by the bank: the request, the instant and Khipu's code. */
export interface RefusedCredentials {
  readonly requestId: string
  readonly at: number
  readonly code: string
  /** When the attempts began that tried these bank credentials since then without proof. */
  readonly probedAt?: readonly number[]
}

/** Decides the step after a failed attempt. Error.Type determines the cause; attempts and age only limit retries. */
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

/** True if the authorization of the request has expired at an instant, as far as its expiry can be read. */
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

/** True if the request is too old to be sent. The time it was parked does not count. */
export function isExpired(request: Request, { policy, now }: DecisionContext): boolean {
  return now - request.requestedAt - request.parkedMs > policy.requestMaxAgeMs
}

// A notification between the failing answer and this decision is the one for which the request would wait. It does not
// come again, so the request is not parked. A request whose POSTs are used up is parked all the same.
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

// If the authorization expires before the retry, the retry would cost money and fail for certain.
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
  // The retry would fail before sending, and the caller would learn of the failure later.
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
