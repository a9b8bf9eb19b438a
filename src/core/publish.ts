import type { KhipuEnvelope, Result } from '../schemas/generated.ts'
import type { Outcome } from './envelope.ts'
import { isOpen, note, type Request } from './request.ts'

/** True where the request has ended and its result was not yet seen on the downstream queue. */
export function isUnpublished(request: Request): boolean {
  return !isOpen(request) && request.publishedAt === null
}

/** The request after its result was put on the downstream queue. */
export function markPublished(request: Request, now: number): Request {
  if (!isUnpublished(request)) return request
  return note({ ...request, publishedAt: now }, { at: now, event: 'result-published' })
}

/** The result job of an ended request; `response` is Khipu's envelope as it came, null where none did. */
export function resultOf(request: Request, response: KhipuEnvelope | null): Result {
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
    operationId: request.operationId,
    response
  }
}

/** The extra result of a request that had failed, when an operator accepts a good callback that came too late. */
export function lateResultOf(
  request: Request,
  outcome: Extract<Outcome, { type: 'result' }>,
  receivedAt: number,
  response: KhipuEnvelope | null
): Result {
  return {
    ...resultOf(request, response),
    outcome: 'delivered',
    completeness: outcome.completeness,
    reason: null,
    operationId: outcome.operationId,
    receivedAt: new Date(receivedAt).toISOString()
  }
}
