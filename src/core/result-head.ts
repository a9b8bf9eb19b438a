import type { Result } from '../schemas/generated.ts'
import type { Outcome } from './envelope.ts'
import { isOpen, note, type Request } from './request.ts'

/** True if the request has ended and its result is not known to be on the downstream queue. */
export function isUnpublished(request: Request): boolean {
  return !isOpen(request) && request.publishedAt === null
}

/** The request after its result was put on the downstream queue. */
export function markPublished(request: Request, now: number): Request {
  if (!isUnpublished(request)) return request
  return note({ ...request, publishedAt: now }, { at: now, event: 'result-published' })
}

/**
 * How a result is published: small ones side by side, of the large ones few at once. A result whose publication began
 * before and did not end goes alone: it may end the process, and then no other result must look as if it had.
 */
export type Lane = 'small' | 'large' | 'alone'

/** Why a publication does not begin in the lane where it was asked for. */
export type NotHere = 'set-aside' | Exclude<Lane, 'small'>

/** A result without Khipu's envelope and its deviations. The job gets the envelope as the received bytes. */
export type ResultHead = Omit<Result, 'response' | 'deviations'>

/** The result of an ended request. */
export function resultOf(request: Request): ResultHead {
  const delivered = request.state === 'delivered'
  return {
    requestId: request.requestId,
    reference: request.reference,
    service: request.service,
    outcome: delivered ? 'delivered' : 'failed',
    completeness: request.completeness,
    reason: delivered ? null : (request.reason as Result['reason']),
    attempts: request.attempts.length,
    requestedAt: new Date(request.requestedAt).toISOString(),
    receivedAt: request.response && new Date(request.response.receivedAt).toISOString(),
    operationId: request.operationId
  }
}

/** The extra result of a failed request, after an operator accepted a good callback that arrived too late. */
export function lateResultOf(
  request: Request,
  outcome: Extract<Outcome, { type: 'result' }>,
  receivedAt: number
): ResultHead {
  return {
    ...resultOf(request),
    outcome: 'delivered',
    completeness: outcome.completeness,
    reason: null,
    operationId: outcome.operationId,
    receivedAt: new Date(receivedAt).toISOString()
  }
}
