import type { SilentCause } from '../error-cause.ts'
import type { DecisionContext } from '../decide.ts'
import { latestAttempt, note, type Request } from '../request.ts'
import { endRequest, applyFailure } from './apply-decision.ts'

/** The request after its `dueAt` passed without any other event. The deadline is an event like any other. */
export function applyDeadline(request: Request, context: DecisionContext): Request {
  const { now } = context
  if (request.dueAt === null || request.dueAt > now) return request
  switch (request.state) {
    case 'parked':
      return endRequest(request, 'failed', 'parked-too-long', { at: now })
    case 'sending':
    case 'awaiting-callback': {
      const attempt = request.attempts.length
      const silent = note(request, { at: now, event: 'deadline-passed', attempt })
      return applySilence(silent, causeOfSilence(request, context), context)
    }
    default:
      return request
  }
}

/**
 * True if a callback of the latest attempt was rejected and kept after the deadline. The request waits for the retry
 * because of that silence.
 */
export function isQuarantinedAfterDeadline(
  request: Request,
  { keptAttempt }: DecisionContext
): boolean {
  const latest = latestAttempt(request)
  return latest?.cause === 'no-callback' && latest.number === keptAttempt
}

/** The request after its latest attempt got no acceptable callback. */
export function applySilence(
  request: Request,
  cause: SilentCause,
  context: DecisionContext
): Request {
  const failure = { cause, code: null, retryAfterMs: null, receivedAt: context.now }
  return applyFailure(request, failure, context)
}

// A person inspects Khipu's answer before the service pays for another one.
function causeOfSilence(request: Request, { keptAttempt }: DecisionContext): SilentCause {
  const latest = latestAttempt(request)
  if (latest?.keptAnswer === true) return 'unreadable-answer'
  return latest !== undefined && latest.number === keptAttempt ? 'quarantined' : 'no-callback'
}
