import type { ParkCause } from './error-cause.ts'
import { type DecisionContext, isAuthorizationExpired, isExpired } from './decide.ts'
import { applySilence, isQuarantinedAfterDeadline } from './transitions/on-deadline.ts'
import { mayProbe, usesRefusedCredentials, waitForProbe } from './probe.ts'
import { isToBeSent, note, type Request } from './request.ts'
import { endRequest, park } from './transitions/apply-decision.ts'
import { isUsedUp } from './send-limits.ts'

/**
 * The new state of a due request that must not be sent; null if it may be sent. The reasons, in this order:
 * - The request is too old.
 * - Its POSTs or its tries of bank credentials are used up.
 * - One of its callbacks was rejected after the deadline and waits in quarantine for inspection.
 * - Its authorization has expired.
 * - The bank rejected its bank credentials, and another try could lock the account.
 * - Another request tries the same bank credentials first.
 * - Another request of the same account goes first.
 */
export function withholdSending(request: Request, context: DecisionContext): Request | null {
  const { now, policy, refused, busyUntil, probeUntil } = context
  if (isExpired(request, context)) return endRequest(request, 'failed', 'expired', { at: now })
  if (isUsedUp(request, policy))
    return endRequest(request, 'failed', 'retries-exhausted', { at: now })
  if (isQuarantinedAfterDeadline(request, context))
    return applySilence(request, 'quarantined', context)
  const parkFor = (cause: ParkCause, code: string | null) =>
    park(request, { cause, code, until: now + policy.parkedMaxMs[cause], now })
  if (isAuthorizationExpired(request, now, context)) return parkFor('authorization-expired', null)
  if (refused !== null && usesRefusedCredentials(request, refused)) {
    if (!mayProbe(request, refused, context)) return parkFor('credentials', refused.code)
    if (probeUntil !== null) return waitForProbe(request, probeUntil, now)
  }
  return busyUntil === null ? null : waitForAccount(request, busyUntil, now)
}

/** True if a request is due and waits for another request of the same account. */
export function waitsForAccount(request: Request): boolean {
  return isToBeSent(request) && request.reason === 'account-busy'
}

/** Minimum delay before re-checking a busy account. */
const RECHECK_AFTER_MS = 1_000

// The job is promoted when the request is next in line. `dueAt` is the fallback for a lost promotion.
function waitForAccount(request: Request, busyUntil: number, now: number): Request {
  const dueAt = Math.max(busyUntil, now + RECHECK_AFTER_MS)
  const waiting: Request = { ...request, reason: 'account-busy', dueAt }
  return waitsForAccount(request) ? waiting : note(waiting, { at: now, event: 'account-busy' })
}
