import { type Cause, causeOfError, isRefusedCredentials, type SilentCause } from '../error-cause.ts'
import type { DecisionContext } from '../decide.ts'
import type { Outcome } from '../envelope.ts'
import { isOpen, note, type Request } from '../request.ts'
import { endRequest, isUnanswered, applyFailure } from './apply-decision.ts'
import { markRefusedCredentials } from '../send-limits.ts'

/** An envelope that was received and stored for an attempt, and not yet applied. */
export interface Callback {
  /**
   * `<attempt>.<sha256 of the bytes>`: the same bytes for the same callback token are one callback. `receive.lua` rejects
   * a duplicate.
   */
  readonly id: string
  readonly attempt: number
  readonly receivedAt: number
  /** Size of the body in bytes. */
  readonly size: number
  readonly outcome: Outcome
  /** The HTTP status, if the envelope was Khipu's immediate answer; null for a POSTed callback. */
  readonly httpStatus: number | null
  /** Khipu's Retry-After in ms, if the answer had one. */
  readonly retryAfterMs?: number | null
}

/** Why a body that was answered with 200 is kept in quarantine. */
export type QuarantineCause = 'late' | 'conflict'

/** The request after its callbacks, and which of their bodies go to quarantine. */
export interface AppliedCallbacks {
  readonly request: Request
  readonly kept: ReadonlyMap<string, QuarantineCause>
}

/**
 * Applies the received callbacks in the order of their arrival. While the request is open, the first good result wins.
 * Errors that arrived before such a result are noted only.
 */
export function applyCallbacks(
  request: Request,
  callbacks: readonly Callback[],
  context: DecisionContext
): AppliedCallbacks {
  const kept = new Map<string, QuarantineCause>()
  const inOrder = callbacks.toSorted((a, b) => a.receivedAt - b.receivedAt)
  const winner = inOrder.findIndex(({ outcome }) => outcome.type === 'result')
  const applied = inOrder.reduce((current, callback, index) => {
    if (isOpen(current) && index < winner) return supersede(current, callback, null)
    const keep = reasonToKeep(current, callback)
    if (keep !== null) kept.set(callback.id, keep)
    return applyCallback(current, callback, keep, context)
  }, request)
  return { request: applied, kept }
}

function applyCallback(
  request: Request,
  callback: Callback,
  keep: QuarantineCause | null,
  context: DecisionContext
): Request {
  const { attempt, outcome, receivedAt, httpStatus, retryAfterMs = null } = callback
  const { operationId } = outcome
  if (!isOpen(request)) {
    return note(request, { at: receivedAt, event: 'callback-late', attempt, operationId, keep })
  }
  if (outcome.type === 'error' && !isUnanswered(request, attempt)) {
    return supersede(request, callback, keep)
  }
  const event = httpStatus === null ? 'callback' : 'answered'
  const received = note(
    {
      ...request,
      operationId: operationId ?? request.operationId,
      response: { body: callback.id, receivedAt }
    },
    { at: receivedAt, event, attempt, operationId, outcome: outcome.type }
  )
  if (outcome.type === 'result') {
    const { completeness } = outcome
    return endRequest({ ...received, completeness }, 'delivered', null, {
      at: context.now,
      attempt
    })
  }
  const cause = causeOfError(outcome, httpStatus)
  const failure = { cause, code: outcome.code, receivedAt, retryAfterMs }
  return applyFailure(received, failure, context)
}

// The error changes no decision, but rejected bank credentials count all the same.
function supersede(request: Request, callback: Callback, keep: QuarantineCause | null): Request {
  const { attempt, receivedAt, outcome } = callback
  const isRefusal = outcome.type === 'error' && isRefusedCredentials(outcome.code)
  const counted = isRefusal ? markRefusedCredentials(request, attempt) : request
  return note(counted, { at: receivedAt, event: 'callback-superseded', attempt, keep })
}

// Ended request: a good result that arrived too late is worth money, any other different body is evidence. Open
// request: the error belongs to an attempt that was already answered, or that a later attempt replaced.
function reasonToKeep(request: Request, callback: Callback): QuarantineCause | null {
  const { outcome, attempt } = callback
  if (isOpen(request)) {
    if (outcome.type === 'result' || isUnanswered(request, attempt)) return null
    return wasSilent(request, attempt) ? 'late' : 'conflict'
  }
  if (isSameBody(request, callback)) return null
  if (request.state === 'delivered') return 'conflict'
  return outcome.type === 'result' || request.response === null ? 'late' : 'conflict'
}

function wasSilent(request: Request, attemptNumber: number): boolean {
  const cause = request.attempts.find(({ number }) => number === attemptNumber)?.cause ?? null
  return cause === null || SILENT.has(cause)
}

const SILENT: ReadonlySet<Cause> = new Set<SilentCause>([
  'no-callback',
  'quarantined',
  'unreadable-answer'
])

function isSameBody({ response }: Request, { id }: Callback): boolean {
  return response !== null && hashOf(response.body) === hashOf(id)
}

function hashOf(callbackId: string): string {
  return callbackId.slice(callbackId.indexOf('.') + 1)
}
