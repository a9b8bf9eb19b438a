import { type Cause, causeOfError, isRefusedCredentials, type SilentCause } from '../error-cause.ts'
import type { DecisionContext } from '../decide.ts'
import type { Outcome } from '../envelope.ts'
import { isOpen, note, type Request } from '../request.ts'
import { endRequest, isUnanswered, applyFailure } from './apply-decision.ts'
import { markRefusedCredentials } from '../send-limits.ts'

/** An envelope that was received and stored for an attempt, and not yet acted on. */
export interface Callback {
  /** `<attempt>.<sha256 of the bytes>`: the same bytes on the same capability are one callback. */
  readonly id: string
  readonly attempt: number
  readonly receivedAt: number
  /** How many bytes the body has. */
  readonly size: number
  readonly outcome: Outcome
  /** The status, where the envelope was Khipu's immediate answer; null for a POSTed callback. */
  readonly httpStatus: number | null
  /** Khipu's Retry-After in ms, where the answer had one. */
  readonly retryAfterMs?: number | null
}

/** Why a body that was answered 200 is kept in quarantine. */
export type QuarantineCause = 'late' | 'conflict'

/** The request after its callbacks, and which of their bodies go to quarantine. */
export interface AppliedCallbacks {
  readonly request: Request
  readonly kept: ReadonlyMap<string, QuarantineCause>
}

/**
 * Applies what was received, in the order in which it was. The first good result wins for as long as the
 * request is open, so errors that came before one that is already in hand are noted and no more.
 */
export function applyCallbacks(
  request: Request,
  callbacks: readonly Callback[],
  context: DecisionContext
): AppliedCallbacks {
  const kept = new Map<string, QuarantineCause>()
  const inOrder = callbacks.toSorted((a, b) => a.receivedAt - b.receivedAt)
  const winner = inOrder.findIndex(({ outcome }) => outcome.type === 'result')
  const folded = inOrder.reduce((current, callback, index) => {
    if (isOpen(current) && index < winner) return supersede(current, callback, null)
    const keep = reasonToKeep(current, callback)
    if (keep !== null) kept.set(callback.id, keep)
    return fold(current, callback, keep, context)
  }, request)
  return { request: folded, kept }
}

function fold(
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

// It changes no decision, but a log-on that the bank refused counts all the same.
function supersede(request: Request, callback: Callback, keep: QuarantineCause | null): Request {
  const { attempt, receivedAt, outcome } = callback
  const isRefusal = outcome.type === 'error' && isRefusedCredentials(outcome.code)
  const counted = isRefusal ? markRefusedCredentials(request, attempt) : request
  return note(counted, { at: receivedAt, event: 'callback-superseded', attempt, keep })
}

// After the end: a good result that came too late is worth money, whatever else differs is evidence.
// While open: an error of an attempt that was already answered, or that a later one has replaced.
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
