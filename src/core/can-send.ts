import type { ParkCause } from './error-cause.ts'
import { type Around, isAuthorizationExpired, isExpired } from './decide.ts'
import { fallSilent, isKeptBehindDeadline } from './transitions/on-deadline.ts'
import { mayProbe, usesRefusedLogon, waitForProbe } from './probe.ts'
import { isToBeSent, note, type Request } from './request.ts'
import { end, park } from './transitions/apply-decision.ts'
import { isSpent } from './send-limits.ts'

/**
 * What becomes of a request that is due and must not be sent all the same; null where nothing speaks
 * against it. It is too old; its POSTs or its log-ons are used up; a callback of it was refused, and waits in
 * quarantine to be looked at; its authorization has expired; the bank has refused its credentials, and would lock
 * the account; another request tries them first; or another one of the same account goes first.
 */
export function hinder(request: Request, around: Around): Request | null {
  const { now, policy, refused, busyUntil, probeUntil } = around
  if (isExpired(request, around)) return end(request, 'failed', 'expired', { at: now })
  if (isSpent(request, policy)) return end(request, 'failed', 'retries-exhausted', { at: now })
  if (isKeptBehindDeadline(request, around)) return fallSilent(request, 'quarantined', around)
  const parkFor = (cause: ParkCause, code: string | null) =>
    park(request, { cause, code, until: now + policy.parkedMaxMs[cause], now })
  if (isAuthorizationExpired(request, now, around)) return parkFor('authorization-expired', null)
  if (refused !== null && usesRefusedLogon(request, refused)) {
    if (!mayProbe(request, refused, around)) return parkFor('credentials', refused.code)
    if (probeUntil !== null) return waitForProbe(request, probeUntil, now)
  }
  return busyUntil === null ? null : waitItsTurn(request, busyUntil, now)
}

/** True where a request is due, and waits for another one of the same account. */
export function waitsItsTurn(request: Request): boolean {
  return isToBeSent(request) && request.reason === 'account-busy'
}

/** How long to look away, at the least, from an account whose turn should have come. */
const LOOK_AGAIN_MS = 1_000

// It is woken when its turn has come; the instant is for when that goes wrong.
function waitItsTurn(request: Request, busyUntil: number, now: number): Request {
  const dueAt = Math.max(busyUntil, now + LOOK_AGAIN_MS)
  const waiting: Request = { ...request, reason: 'account-busy', dueAt }
  return waitsItsTurn(request) ? waiting : note(waiting, { at: now, event: 'account-busy' })
}
