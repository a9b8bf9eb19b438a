import type { DecisionContext, RefusedCredentials } from './decide.ts'
import { matches } from './notification.ts'
import { isToBeSent, note, type Request } from './request.ts'

// After the bank refused credentials, one request at a time tries them again: the probe. It needs somebody's
// word since the refusal: a notification, or an operator who released or retried it.

/**
 * True where the request would use the refused bank credentials, as far as is known. Where the service knows
 * the account alone, a request that was asked for later may well come with better ones.
 */
export function usesRefusedCredentials(request: Request, refused: RefusedCredentials): boolean {
  const isOwn = refused.requestId === request.requestId
  const isKnown = typeof request.account?.credentials === 'string'
  return isOwn || isKnown || request.requestedAt <= refused.at
}

/** True where the request may try refused bank credentials again. The one that was refused has its own, bounded retry. */
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

/** The instants at which somebody gave the word, after the refusal. */
function permitsOf(
  { requestId, service, releasedAt = 0 }: Request,
  { at: refusedAt, code }: RefusedCredentials,
  { notifications }: DecisionContext
): readonly number[] {
  const parkable = { requestId, service, code, cause: 'credentials' } as const
  const notified = notifications.filter((one) => matches(one, parkable)).map(({ at }) => at)
  return [releasedAt, ...notified].filter((at) => at >= refusedAt)
}

/** True where a request is due, and waits for the probe of its bank credentials. */
export function waitsForProbe(request: Request): boolean {
  return isToBeSent(request) && request.reason === 'logon-probe'
}

/** How long to wait, at the least, before looking again for a probe that should have ended. */
const LOOK_AGAIN_MS = 1_000

/**
 * The request until the probe has ended. It is promoted then; the instant is for when that goes wrong. What
 * follows a good probe follows at the pace of releases.
 */
export function waitForProbe(request: Request, probeUntil: number, now: number): Request {
  const dueAt = Math.max(probeUntil, now + LOOK_AGAIN_MS)
  const state = request.attempts.length === 0 ? 'queued' : 'retry-scheduled'
  const waiting: Request = { ...request, state, reason: 'logon-probe', dueAt, paced: true }
  return waitsForProbe(request) ? waiting : note(waiting, { at: now, event: 'logon-probe' })
}
