import type { DecisionContext, RefusedCredentials } from './decide.ts'
import { matches } from './notification.ts'
import { isToBeSent, note, type Request } from './request.ts'

// After the bank rejected bank credentials, one request at a time tries them again: the probe. A probe needs permission
// that is newer than the rejection: a notification, or a release or retry by an operator.

/**
 * True if the request would use the rejected bank credentials, as far as the service knows. If it knows only the
 * account, a request accepted after the rejection may bring better ones.
 */
export function usesRefusedCredentials(request: Request, refused: RefusedCredentials): boolean {
  const isOwn = refused.requestId === request.requestId
  const isKnown = typeof request.account?.credentials === 'string'
  return isOwn || isKnown || request.requestedAt <= refused.at
}

/**
 * True if the request may try rejected bank credentials again. The rejected request itself has its own limited retry.
 */
export function mayProbe(
  request: Request,
  refused: RefusedCredentials,
  context: DecisionContext
): boolean {
  if (refused.requestId === request.requestId) return true
  const permits = permitsOf(request, refused, context)
  if (permits.length === 0) return false
  const since = Math.max(...permits)
  const { probedAt = [] } = refused
  return probedAt.filter((at) => at >= since).length < context.policy.probes
}

/** The instants of permission after the rejection. */
function permitsOf(
  { requestId, service, releasedAt = 0 }: Request,
  { at: refusedAt, code }: RefusedCredentials,
  { notifications }: DecisionContext
): readonly number[] {
  const parkable = { requestId, service, code, cause: 'credentials' } as const
  const notified = notifications.filter((one) => matches(one, parkable)).map(({ at }) => at)
  return [releasedAt, ...notified].filter((at) => at >= refusedAt)
}

/** True if a request is due and waits for the probe of its bank credentials. */
export function waitsForProbe(request: Request): boolean {
  return isToBeSent(request) && request.reason === 'logon-probe'
}

/** Minimum delay before re-checking for a probe that should have ended. */
const RECHECK_AFTER_MS = 1_000

/**
 * The request, waiting for the end of the probe. Its job is promoted then; `dueAt` is the fallback for a lost
 * promotion. After a successful probe the requests follow at the pace of releases.
 */
export function waitForProbe(request: Request, probeUntil: number, now: number): Request {
  const dueAt = Math.max(probeUntil, now + RECHECK_AFTER_MS)
  const state = request.attempts.length === 0 ? 'queued' : 'retry-scheduled'
  const waiting: Request = { ...request, state, reason: 'logon-probe', dueAt, paced: true }
  return waitsForProbe(request) ? waiting : note(waiting, { at: now, event: 'logon-probe' })
}
