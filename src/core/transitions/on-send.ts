import type { Answer } from '../answer.ts'
import type { DecisionContext } from '../decide.ts'
import { withholdSending, waitsForAccount } from '../can-send.ts'
import { callbackWaitMs } from '../life-span.ts'
import { usesRefusedCredentials, waitsForProbe } from '../probe.ts'
import {
  isOnItsWay,
  isToBeSent,
  latestAttempt,
  credentialsOf,
  note,
  type Request
} from '../request.ts'
import { isUnanswered, applyFailure } from './apply-decision.ts'

/**
 * The request with its next attempt begun, to be committed before the first byte is sent. Unchanged if nothing is due.
 * A request found in `sending` was left there by a crash. Khipu may have received it, so it awaits its callback and is
 * not sent again. Exception: the instant of the job differs from that of the attempt. Then the job is outdated, and
 * another handler is sending.
 */
export function beginSending(
  request: Request,
  context: DecisionContext,
  requestTimeoutMs: number,
  { jobAt, signedWith }: BySender = {}
): Request {
  const { now, callbackTimeoutMs } = context
  if (request.state === 'sending') {
    const overtaken = jobAt !== undefined && latestAttempt(request)?.dueAt !== jobAt
    return overtaken ? request : awaitCallback(request, context, 'process lost')
  }
  if (!isDueForSending(request, now)) return request
  const withheld = withholdSending(request, context)
  if (withheld !== null) return withheld
  const number = request.attempts.length + 1
  // The instant of the job, if there is one: an outdated job may be the first to find a request due.
  const dueAt = jobAt ?? request.dueAt
  const logon = credentialsOf(request)
  const { refused } = context
  const isProbe = refused !== null && usesRefusedCredentials(request, refused)
  const known = {
    ...(signedWith && { signedWith }),
    ...(logon && { logon }),
    ...(isProbe && { isProbe })
  }
  const attempt = { number, sendingAt: now, dueAt, cause: null, ...known }
  const next: Request = {
    ...request,
    state: 'sending',
    reason: null,
    code: null,
    dueAt: now + requestTimeoutMs + callbackTimeoutMs,
    attempts: [...request.attempts, attempt]
  }
  return note(next, { at: now, event: 'sending', attempt: attempt.number })
}

/** Facts that only the sending handler knows. */
interface BySender {
  /** The instant of the job that found the request due. */
  readonly jobAt?: number
  /** The id of the key that will sign the callback token. */
  readonly signedWith?: string
}

/** True if the request waits to be sent and is due, or if it waits for another request. */
export function isDueForSending(
  request: Request,
  now: number
): request is Request & { readonly dueAt: number } {
  const { dueAt } = request
  if (!isToBeSent(request) || dueAt === null) return false
  return dueAt <= now || waitsForAccount(request) || waitsForProbe(request)
}

/**
 * The request after Khipu's immediate answer to an attempt. `receivedAt` is the instant of the answer. An envelope is
 * applied as a callback instead.
 */
export function applyAnswer(
  request: Request,
  attemptNumber: number,
  answer: Exclude<Answer, { type: 'envelope' }>,
  context: DecisionContext,
  receivedAt = context.now
): Request {
  const { now } = context
  if (!awaitsAnswer(request, attemptNumber)) {
    return note(request, { at: now, event: 'answer-superseded', attempt: attemptNumber })
  }
  const failed = { code: null, receivedAt, retryAfterMs: null }
  switch (answer.type) {
    case 'acknowledged':
      return acknowledge(request, answer, context)
    case 'ambiguous':
      return awaitCallback(markKept(request, answer), context, answer.detail)
    case 'refused':
      return applyFailure(
        request,
        { ...failed, cause: answer.cause, detail: answer.detail },
        context
      )
    case 'temporary': {
      const { retryAfterMs, detail } = answer
      return applyFailure(request, { ...failed, cause: 'temporary', retryAfterMs, detail }, context)
    }
  }
}

/** True if the attempt is in flight, as far as the ledger knows. */
export function awaitsAnswer(request: Request, attemptNumber: number): boolean {
  return isOnItsWay(request) && isUnanswered(request, attemptNumber)
}

function acknowledge(
  request: Request,
  answer: Extract<Answer, { type: 'acknowledged' }>,
  { now, callbackTimeoutMs, policy }: DecisionContext
): Request {
  const { operationId, lifeSpan } = answer
  const bounds = { callbackTimeoutMs, mostMs: policy.requestMaxAgeMs }
  const next: Request = {
    ...request,
    state: 'awaiting-callback',
    reason: null,
    dueAt: now + callbackWaitMs(lifeSpan, now, bounds),
    operationId: operationId ?? request.operationId
  }
  const attempt = request.attempts.length
  return note(next, { at: now, event: 'acknowledged', attempt, operationId })
}

function awaitCallback(
  request: Request,
  { now, callbackTimeoutMs }: DecisionContext,
  detail: string
): Request {
  const next: Request = {
    ...request,
    state: 'awaiting-callback',
    reason: 'ambiguous',
    dueAt: now + callbackTimeoutMs
  }
  const attempt = latestAttempt(request)?.number ?? 0
  return note(next, { at: now, event: 'ambiguous', attempt, detail })
}

/** Records that a body was kept. At the deadline a person must inspect it before the next attempt. */
function markKept(
  request: Request,
  { unreadable }: Extract<Answer, { type: 'ambiguous' }>
): Request {
  const latest = latestAttempt(request)
  if (unreadable === undefined || latest === undefined) return request
  const attempts = [...request.attempts.slice(0, -1), { ...latest, keptAnswer: true as const }]
  return { ...request, attempts }
}
