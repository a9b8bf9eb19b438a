import type { ParkCause } from './error-cause.ts'
import { type DecisionContext, isAuthorizationExpired, isExpired } from './decide.ts'
import { applySilence, isQuarantinedAfterDeadline } from './transitions/on-deadline.ts'
import { mayProbe, usesRefusedCredentials, waitForProbe } from './probe.ts'
import { isToBeSent, note, type Request } from './request.ts'
import { endRequest, park } from './transitions/apply-decision.ts'
import { isUsedUp } from './send-limits.ts'

/**
 * What becomes of a request that is due and must not be sent all the same; null where nothing speaks
 * against it. It is too old; its POSTs or its log-ons are used up; a callback of it was refused, and waits in
 * quarantine to be looked at; its authorization has expired; the bank has refused its credentials, and would lock
 * the account; another request tries them first; or another one of the same account goes first.
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
  return busyUntil === null ? null : waitItsTurn(request, busyUntil, now)
}

/** True where a request is due, and waits for another one of the same account. */
export function waitsForAccount(request: Request): boolean {
  return isToBeSent(request) && request.reason === 'account-busy'
}

/** How long to look away, at the least, from an account whose turn should have come. */
const LOOK_AGAIN_MS = 1_000

// It is woken when its turn has come; the instant is for when that goes wrong.
function waitItsTurn(request: Request, busyUntil: number, now: number): Request {
  const dueAt = Math.max(busyUntil, now + LOOK_AGAIN_MS)
  const waiting: Request = { ...request, reason: 'account-busy', dueAt }
  return waitsForAccount(request) ? waiting : note(waiting, { at: now, event: 'account-busy' })
}
