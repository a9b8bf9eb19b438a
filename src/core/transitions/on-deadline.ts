import type { SilentCause } from '../error-cause.ts'
import type { Around } from '../decide.ts'
import { latestAttempt, note, type Request } from '../request.ts'
import { end, settle } from './apply-decision.ts'

/** The request after its instant came and nothing else did: silence is an event like any other. */
export function applyDeadline(request: Request, around: Around): Request {
  const { now } = around
  if (request.dueAt === null || request.dueAt > now) return request
  switch (request.state) {
    case 'parked':
      return end(request, 'failed', 'parked-too-long', { at: now })
    case 'sending':
    case 'awaiting-callback': {
      const attempt = request.attempts.length
      const silent = note(request, { at: now, event: 'deadline-passed', attempt })
      return fallSilent(silent, causeOfSilence(request, around), around)
    }
    default:
      return request
  }
}

/**
 * True where a callback of the latest attempt was refused and kept after its deadline had passed, and the request
 * is to be sent again for that silence.
 */
export function isKeptBehindDeadline(request: Request, { keptAttempt }: Around): boolean {
  const latest = latestAttempt(request)
  return latest?.cause === 'no-callback' && latest.number === keptAttempt
}

/** The request after its latest attempt got no callback that could be accepted. */
export function fallSilent(request: Request, cause: SilentCause, around: Around): Request {
  const failure = { cause, code: null, retryAfterMs: null, receivedAt: around.now }
  return settle(request, failure, around)
}

// Somebody looks at what Khipu has answered before it is paid for again.
function causeOfSilence(request: Request, { keptAttempt }: Around): SilentCause {
  const latest = latestAttempt(request)
  if (latest?.keptAnswer === true) return 'unreadable-answer'
  return latest !== undefined && latest.number === keptAttempt ? 'quarantined' : 'no-callback'
}
