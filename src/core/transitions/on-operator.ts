import type { ParkCause } from '../error-cause.ts'
import { isOpen, credentialsOf, note, type Request } from '../request.ts'
import { endRequest, unparked } from './apply-decision.ts'

/** The operation that changes a request, and the instant from which it permits to try refused bank credentials. */
interface Bulk {
  readonly operation: string
  readonly permittedAt: number
}

/** The request, cancelled by an operator or an operation; unchanged if it has ended already. */
export function cancel(request: Request, by: string, now: number, operation?: string): Request {
  if (!isOpen(request)) return request
  const of = operation === undefined ? {} : { operation }
  return endRequest(request, 'cancelled', 'cancelled', { at: now, by, ...of })
}

/** The request, released at an instant but not before its planned retry; unchanged if it isn't parked. */
export function release(
  request: Request,
  at: number,
  by: string,
  now: number,
  bulk?: Bulk
): Request {
  if (request.state !== 'parked') return request
  const dueAt = Math.max(at, request.parked?.notBefore ?? at)
  return { ...sendAt(request, dueAt, { event: 'released', by, now, bulk }), paced: true }
}

/**
 * The request with another authorization, which may bring other bank credentials. It is released if it was parked for
 * that reason; unchanged if it has ended.
 */
export function authorize(
  request: Request,
  given: Pick<Request, 'authorization' | 'account'>,
  by: string,
  now: number
): Request {
  if (!isOpen(request)) return request
  const next = note({ ...request, ...given }, { at: now, event: 'authorization-given', by })
  const isOther = credentialsOf(next) !== credentialsOf(request)
  const waited =
    WAITS_FOR_AUTHORIZATION.has(request.parked?.cause) ||
    (isOther && request.parked?.cause === 'credentials')
  return waited ? release(next, now, by, now) : next
}

const WAITS_FOR_AUTHORIZATION: ReadonlySet<unknown> = new Set<ParkCause>([
  'authorization-expired',
  'unauthorized'
])

/** True if the request is parked or waits for a retry. */
export function mayRetryNow({ state }: Request): boolean {
  return state === 'parked' || state === 'retry-scheduled'
}

/** The request, to be sent at once or at its place in an operation; unchanged unless it is parked or waits for a retry. */
export function retryNow(
  request: Request,
  by: string,
  now: number,
  bulk?: Bulk & { readonly at: number }
): Request {
  if (!mayRetryNow(request)) return request
  const next = sendAt(request, bulk?.at ?? now, { event: 'retry-requested', by, now, bulk })
  return bulk === undefined ? next : { ...next, paced: true }
}

interface Order {
  readonly event: string
  readonly by: string
  readonly now: number
  readonly bulk?: Bulk | undefined
}

function sendAt(request: Request, at: number, { event, by, now, bulk }: Order): Request {
  const open = unparked(request, now)
  const releasedAt = bulk?.permittedAt ?? now
  const sending = { state: 'retry-scheduled', dueAt: at, paced: false, releasedAt } as const
  const next: Request = { ...open, ...sending }
  const of = bulk === undefined ? {} : { operation: bulk.operation }
  return note(next, { at: now, event, by, ...of })
}
