import type { Around } from './decide.ts'
import { note, type Request } from './request.ts'
import { end, settle } from './settle.ts'

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
      const failure = { cause: 'no-callback', code: null, retryAfterMs: null } as const
      return settle(silent, { ...failure, receivedAt: now }, around)
    }
    default:
      return request
  }
}
