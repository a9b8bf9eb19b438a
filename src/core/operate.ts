import { isOpen, note, type Request } from './request.ts'
import { end, unparked } from './settle.ts'

/** The request cancelled by an operator; unchanged where it has ended already. */
export function cancel(request: Request, by: string, now: number): Request {
  return isOpen(request) ? end(request, 'cancelled', 'cancelled', { at: now, by }) : request
}

/** The request let go at an instant; unchanged where it isn't parked. */
export function release(request: Request, at: number, by: string, now: number): Request {
  return request.state === 'parked' ? sendAt(request, at, 'released', by, now) : request
}

/** The request to be sent at once; unchanged where it neither is parked nor waits for a retry. */
export function retryNow(request: Request, by: string, now: number): Request {
  const waits = request.state === 'parked' || request.state === 'retry-scheduled'
  return waits ? sendAt(request, now, 'retry-requested', by, now) : request
}

function sendAt(request: Request, at: number, event: string, by: string, now: number): Request {
  const next: Request = { ...unparked(request, now), state: 'retry-scheduled', dueAt: at }
  return note(next, { at: now, event, by })
}
