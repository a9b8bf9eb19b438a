import { acceptRequest } from '../../src/core/new-request.ts'
import type { Answer } from '../../src/core/answer.ts'
import { type Callback, applyCallbacks } from '../../src/core/transitions/on-callback.ts'
import type { Cause } from '../../src/core/error-cause.ts'
import { applyDeadline } from '../../src/core/transitions/on-deadline.ts'
import type { DecisionContext } from '../../src/core/decide.ts'
import type { Outcome } from '../../src/core/envelope.ts'
import type { Notification } from '../../src/core/notification.ts'
import { cancel, retryNow } from '../../src/core/transitions/on-operator.ts'
import { BUILT_IN_POLICY } from '../../src/core/policy.ts'
import type { Account, HistoryEvent, Request, State } from '../../src/core/request.ts'
import { applyAnswer, beginSending } from '../../src/core/transitions/on-send.ts'

export const SECOND = 1000
export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 86_400_000

/** When a request of these tests is accepted, and sent for the first time. */
export const START = Date.UTC(2026, 10, 22, 9)
export const ID = '01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'
export const SERVICE = 'cl/banking/personal/btgpactual.cl/transactions'
export const ACCOUNT: Account = { id: 'account-1', credentials: 'logon-1', endsWith: '755' }
export const REQUEST_TIMEOUT = 190 * SECOND
export const CALLBACK_TIMEOUT = 30 * MINUTE

type SimpleAnswer = Exclude<Answer, { type: 'envelope' }>
type ErrorOutcome = Extract<Outcome, { type: 'error' }>
type ResultOutcome = Extract<Outcome, { type: 'result' }>

/** The world at an instant: the built-in policy, no chance, no notification. */
export function at(now: number, rest: Partial<DecisionContext> = {}): DecisionContext {
  return {
    policy: BUILT_IN_POLICY,
    now,
    random: 0,
    notifications: [],
    callbackTimeoutMs: CALLBACK_TIMEOUT,
    authorizationExpiresAt: null,
    busyUntil: null,
    refused: null,
    probeUntil: null,
    keptAttempt: null,
    ...rest
  }
}

export function result(rest: Partial<ResultOutcome> = {}): ResultOutcome {
  return { type: 'result', completeness: 'complete', operationId: 'op-result', ...rest }
}

export function error(errorType: string | null, rest: Partial<ErrorOutcome> = {}): ErrorOutcome {
  return { type: 'error', errorType, code: 'E201', operationId: 'op-error', ...rest }
}

/** A callback for an attempt, received at an instant; `hash` stands for its bytes. */
export function callback(
  attempt: number,
  outcome: Outcome,
  receivedAt: number,
  { hash = outcome.type, httpStatus = null }: { hash?: string; httpStatus?: number | null } = {}
): Callback {
  return { id: `${attempt}.${hash}`, attempt, receivedAt, size: 2, outcome, httpStatus }
}

export function notification(now: number, rest: Partial<Notification> = {}): Notification {
  return { at: now, service: null, code: null, reason: null, requestIds: null, ...rest }
}

export function acknowledged(rest: { operationId?: string; lifeSpan?: string } = {}): SimpleAnswer {
  return { type: 'acknowledged', httpStatus: 202, operationId: null, lifeSpan: null, ...rest }
}

export const AMBIGUOUS: SimpleAnswer = { type: 'ambiguous', detail: 'time-out' }
export const REJECTED: SimpleAnswer = {
  type: 'refused',
  httpStatus: 400,
  cause: 'rejected',
  detail: 'HTTP 400'
}
export const UNAUTHORIZED: SimpleAnswer = {
  type: 'refused',
  httpStatus: 401,
  cause: 'unauthorized',
  detail: 'HTTP 401'
}

export function temporary(retryAfterMs: number | null = null): SimpleAnswer {
  return { type: 'temporary', httpStatus: 503, retryAfterMs, detail: 'HTTP 503' }
}

export function queued(): Request {
  const asked = { requestId: ID, service: SERVICE, reference: 'invoice-run-7' }
  return acceptRequest({ ...asked, account: ACCOUNT, authorization: null }, 'erp', START)
}

/** The next attempt, begun at the request's due instant. */
export function sent(request: Request): Request {
  return beginSending(request, at(request.dueAt ?? START), REQUEST_TIMEOUT)
}

/** Answered at once by Khipu. */
export function answered(request: Request, answer: SimpleAnswer, now: number): Request {
  return applyAnswer(request, request.attempts.length, answer, at(now))
}

/** Its latest attempt called back, and the callback acted on as it came. */
export function calledBack(
  request: Request,
  outcome: Outcome,
  now: number,
  hash?: string
): Request {
  const received = callback(
    request.attempts.length,
    outcome,
    now,
    hash === undefined ? {} : { hash }
  )
  return applyCallbacks(request, [received], at(now)).request
}

/** Its callback never came: the deadline did. */
export function silent(request: Request): Request {
  return applyDeadline(request, at(request.dueAt ?? START))
}

/** A request that awaits the callback of its attempt of that number, all before it were silent. */
export function awaiting(attempts = 1): Request {
  const first = answered(sent(queued()), acknowledged({ operationId: 'op-1' }), START + SECOND)
  return Array.from({ length: attempts - 1 }).reduce<Request>((request) => {
    const again = sent(silent(request))
    return answered(again, acknowledged(), (again.attempts.at(-1)?.sendingAt ?? START) + SECOND)
  }, first)
}

/** A request in each state, on the shortest way there; open ones had one attempt, or none. */
export const IN_STATE: Readonly<Record<State, Request>> = {
  queued: queued(),
  sending: sent(queued()),
  'awaiting-callback': awaiting(),
  'retry-scheduled': calledBack(awaiting(), error('RETRY_IMMEDIATELY'), START + MINUTE),
  parked: calledBack(awaiting(), error('RETRY_AFTER_NOTIFICATION'), START + MINUTE),
  delivered: calledBack(awaiting(), result(), START + MINUTE),
  failed: calledBack(awaiting(), error('DO_NOT_RETRY'), START + MINUTE),
  cancelled: cancel(awaiting(), 'ann', START + MINUTE)
}

/** A request whose attempts failed for these causes, the last one just now: what `decide` is asked about. */
export function failedFor(causes: readonly (Cause | null)[], rest: Partial<Request> = {}): Request {
  const attempts = causes.map((cause, index) => ({
    number: index + 1,
    sendingAt: START,
    dueAt: START,
    cause
  }))
  return { ...IN_STATE['awaiting-callback'], attempts, ...rest }
}

/** Silent once, and sent again at once by an operator's word: the second attempt is under way. */
export function sentTwice(): Request {
  return sent(retryNow(silent(awaiting()), 'ann', START + HOUR))
}

/** What the last line of the history says. */
export function lastEvent(request: Request): HistoryEvent | undefined {
  return request.history.at(-1)
}

/** The request but for its history. */
export function bare(request: Request): Request {
  return { ...request, history: [] }
}
