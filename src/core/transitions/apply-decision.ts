import type { FailReason } from '../../schemas/generated.ts'
import { type Cause, isRefusedCredentials, type ParkCause } from '../error-cause.ts'
import { type DecisionContext, type Decision, decide, type Failure } from '../decide.ts'
import { type EndState, latestAttempt, note, type Request } from '../request.ts'
import { markRefusedCredentials } from '../send-limits.ts'

/** The request after its latest attempt failed, with the decision written into the record. */
export function applyFailure(
  request: Request,
  failure: Failure,
  context: DecisionContext
): Request {
  const failed = failLatestAttempt(unparked(request, context.now), failure)
  return follow(failed, decide(failed, failure, context), failure, context.now)
}

/**
 * True if an error of that attempt is new information: the attempt is the latest, and no envelope of it has arrived.
 * Khipu's own envelope replaces a cause that came from silence or from a gateway's HTTP status. It does so only until
 * the next attempt begins.
 */
export function isUnanswered(request: Request, attemptNumber: number): boolean {
  const latest = latestAttempt(request)
  if (latest === undefined || latest.number !== attemptNumber) return false
  const waits = request.state === 'retry-scheduled' || request.state === 'parked'
  return latest.cause === null || (waits && !hasEnvelope(request, attemptNumber))
}

function hasEnvelope({ response }: Request, attemptNumber: number): boolean {
  return response !== null && response.body.startsWith(`${attemptNumber}.`)
}

/** The request after it ended. Its result is still to be published. */
export function endRequest(
  request: Request,
  state: EndState,
  reason: FailReason | null,
  { at, ...details }: { readonly at: number; readonly [detail: string]: unknown }
): Request {
  const ended: Request = {
    ...unparked(request, at),
    state,
    reason,
    dueAt: null,
    endedAt: at
  }
  return note(ended, { at, event: state, ...details, ...(reason === null ? {} : { reason }) })
}

/** The request after parking, with the parked time added up. */
export function unparked(request: Request, now: number): Request {
  if (request.parked === null) return request
  return { ...request, parked: null, parkedMs: request.parkedMs + now - request.parked.at }
}

function follow(request: Request, decision: Decision, failure: Failure, now: number): Request {
  const attempt = request.attempts.length
  const { code, cause, detail } = failure
  const withDetail = detail === undefined ? {} : { detail }
  switch (decision.type) {
    case 'fail': {
      const details = { at: now, attempt, cause, code, ...withDetail }
      return endRequest({ ...request, code }, 'failed', decision.reason, details)
    }
    case 'park':
      return park(
        request,
        { ...decision, code, now },
        { attempt, ...failureIfOther(decision.cause, cause), ...withDetail }
      )
    case 'retry': {
      const { at } = decision
      const next: Request = { ...request, state: 'retry-scheduled', reason: cause, code, dueAt: at }
      return note(
        { ...next, paced: false },
        { at: now, event: 'retry-scheduled', attempt, cause, code, ...withDetail }
      )
    }
  }
}

function failureIfOther(reason: ParkCause, failure: Cause) {
  return reason === failure ? {} : { failure }
}

/** The request, parked: a person must act before the next attempt. */
export function park(
  request: Request,
  { cause, code, until, now, notBefore }: Parking,
  details: Readonly<Record<string, unknown>> = {}
): Request {
  const next: Request = {
    ...request,
    state: 'parked',
    reason: cause,
    code,
    dueAt: until,
    parked: { at: now, cause, ...(notBefore === undefined ? {} : { notBefore }) }
  }
  return note(next, { at: now, event: 'parked', ...details, cause, code })
}

interface Parking {
  readonly cause: ParkCause
  readonly code: string | null
  /** When the request fails, if nobody acts. */
  readonly until: number
  /** The instant before which the request must not be sent, even after a release. */
  readonly notBefore?: number
  readonly now: number
}

function failLatestAttempt(request: Request, { cause, code }: Failure): Request {
  const latest = latestAttempt(request)
  if (latest === undefined) return request
  const attempts = [...request.attempts.slice(0, -1), { ...latest, cause }]
  const failed = { ...request, attempts }
  return isRefusedCredentials(code) ? markRefusedCredentials(failed, latest.number) : failed
}
