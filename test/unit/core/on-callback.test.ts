import t from 'tap'
import type { Callback, QuarantineCause } from '../../../src/core/transitions/on-callback.ts'
import type { Cause } from '../../../src/core/error-cause.ts'
import type { Outcome } from '../../../src/core/envelope.ts'
import { jobsOf } from '../../../src/core/required-jobs.ts'
import { cancel, release, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { markPublished } from '../../../src/core/result-head.ts'
import type { Request } from '../../../src/core/request.ts'
import { applyAnswer } from '../../../src/core/transitions/on-send.ts'
import { isUnanswered } from '../../../src/core/transitions/apply-decision.ts'
import {
  acknowledged,
  AMBIGUOUS,
  answered,
  at,
  awaiting,
  calledBack,
  callback,
  DAY,
  error,
  HOUR,
  ID,
  IN_STATE,
  lastEvent,
  MINUTE,
  notification,
  queued,
  result,
  SECOND,
  sent,
  silent,
  START,
  temporary,
  UNAUTHORIZED
} from '../../helpers/given.ts'
import { changed, fold as foldAt, noted } from '../../helpers/steps.ts'

/** When the callbacks of these tests are received, and a second later acted on. */
const RECEIVED = START + 5 * HOUR
const NOW = RECEIVED + SECOND

const failedOnce = IN_STATE['retry-scheduled']
const parkedOnce = IN_STATE.parked
const silentOnce = silent(awaiting())
const failedAtOnce = answered(sent(queued()), temporary(), START + SECOND)
const parkedAtOnce = answered(sent(queued()), UNAUTHORIZED, START + SECOND)
const ambiguous = answered(sent(queued()), AMBIGUOUS, START + SECOND)
const released = release(parkedOnce, START + DAY, 'notification', START + HOUR)
const hurried = retryNow(silentOnce, 'ann', START + HOUR)

const fold = (request: Request, callbacks: readonly Callback[], rest = {}) =>
  foldAt(request, callbacks, NOW, rest)

function keptOf(kept: ReadonlyMap<string, QuarantineCause>): Record<string, QuarantineCause> {
  return Object.fromEntries(kept)
}

const open: [what: string, request: Request, attempt: number][] = [
  ['beats the 202', IN_STATE.sending, 1],
  ['is awaited', awaiting(), 1],
  ['is of an attempt that may not have been sent', ambiguous, 1],
  ['comes before the retry of an error is sent', failedOnce, 1],
  ['comes before the retry of a silence is sent', silentOnce, 1],
  ['comes before the retry of an HTTP 503 is sent', failedAtOnce, 1],
  ['comes while its request is parked', parkedOnce, 1],
  ['comes in spite of an HTTP 401', parkedAtOnce, 1],
  ['comes after the release', released, 1],
  ['is of the latest of three attempts', awaiting(3), 3],
  ['is of the second of three attempts', awaiting(3), 2],
  ['is of the first of three attempts', awaiting(3), 1],
  ['is of a silent attempt while the next one is being sent', sent(silentOnce), 1],
  ['is of a failed attempt while the next one is being sent', sent(failedOnce), 1]
]
for (const [what, request, attempt] of open) {
  t.test(`a good result that ${what} is delivered`, async (t) => {
    const received = callback(attempt, result(), RECEIVED)
    const { request: delivered, kept } = fold(request, [received])
    const fields = {
      state: 'delivered',
      reason: null,
      dueAt: null,
      endedAt: NOW,
      completeness: 'complete',
      operationId: 'op-result',
      response: { body: `${attempt}.result`, receivedAt: RECEIVED },
      parked: null,
      parkedMs: request.parkedMs + (request.parked === null ? 0 : NOW - request.parked.at)
    }
    changed(t, [request, delivered], fields, [
      { at: RECEIVED, event: 'callback', attempt, operationId: 'op-result', outcome: 'result' },
      { at: NOW, event: 'delivered', attempt }
    ])
    t.strictSame(keptOf(kept), {})
    const jobs = jobsOf(delivered)
    t.strictSame(jobs, [{ type: 'result', jobId: ID, requestId: ID, at: NOW }], 'nothing is sent')
  })
}

for (const completeness of ['complete', 'incomplete', 'empty'] as const) {
  t.test(`a result that is ${completeness} is delivered as such`, async (t) => {
    const received = callback(1, result({ completeness }), RECEIVED)
    t.equal(fold(awaiting(), [received]).request.completeness, completeness)
  })
}

const news: [what: string, request: Request, attempt: number][] = [
  ['beats the 202', IN_STATE.sending, 1],
  ['is awaited', awaiting(), 1],
  ['is of an attempt that may not have been sent', ambiguous, 1],
  ['comes after the deadline, before the retry is sent', silentOnce, 1],
  ['comes after the deadline, before the hurried retry is sent', hurried, 1],
  ['is of the latest of three attempts', awaiting(3), 3],
  ['comes after the second deadline, before the retry is sent', silent(awaiting(2)), 2]
]
const decisions: [errorType: string | null, state: string, cause: Cause, dueAt: number | null][] = [
  ['RETRY_IMMEDIATELY', 'retry-scheduled', 'retry-immediately', RECEIVED],
  ['DO_NOT_RETRY', 'failed', 'do-not-retry', null],
  ['WAIT_4_HOURS_BEFORE_RETRY', 'retry-scheduled', 'wait-4-hours', RECEIVED + 4 * HOUR],
  ['RETRY_AFTER_NOTIFICATION', 'parked', 'retry-after-notification', NOW + 7 * DAY],
  ['RETRY_SOME_DAY', 'parked', 'unknown-type', NOW + 7 * DAY],
  [null, 'parked', 'unknown-type', NOW + 7 * DAY]
]
for (const [what, request, attempt] of news) {
  for (const [errorType, state, cause, dueAt] of decisions) {
    t.test(`${errorType ?? 'an error without Type'} that ${what} is obeyed`, async (t) => {
      const received = callback(attempt, error(errorType, { code: 'E301' }), RECEIVED)
      const { request: decided, kept } = fold(request, [received])
      const { attempts } = request
      const fields = {
        state,
        reason: cause,
        code: 'E301',
        dueAt,
        endedAt: state === 'failed' ? NOW : null,
        parked: state === 'parked' ? { at: NOW, cause } : null,
        operationId: 'op-error',
        response: { body: `${attempt}.error`, receivedAt: RECEIVED },
        attempts: attempts.map((each) => (each.number === attempt ? { ...each, cause } : each))
      }
      const at = NOW
      const code = 'E301'
      const failed = { at, event: state, attempt, cause, code, reason: cause }
      changed(t, [request, decided], fields, [
        { at: RECEIVED, event: 'callback', attempt, operationId: 'op-error', outcome: 'error' },
        state === 'failed' ? failed : { at, event: state, attempt, cause, code }
      ])
      t.strictSame(keptOf(kept), {})
    })
  }
}

const old: [what: string, request: Request, attempt: number, keep: QuarantineCause][] = [
  ['of an attempt that failed already, before its retry', failedOnce, 1, 'conflict'],
  ['of an attempt that was parked', parkedOnce, 1, 'conflict'],
  ['of an attempt that was parked and released', released, 1, 'conflict'],
  ['of a failed attempt while the next is being sent', sent(failedOnce), 1, 'conflict'],
  ['of a released attempt while the next is being sent', sent(released), 1, 'conflict'],
  ['of a silent attempt while the next is being sent', sent(silentOnce), 1, 'late'],
  ['of a silent attempt while the next is awaited', awaiting(2), 1, 'late'],
  ['of the second of three attempts', awaiting(3), 2, 'late'],
  ['of a silent attempt, the next one parked', parkedSecond(), 1, 'late'],
  ['of a silent attempt, the next one silent too', silent(awaiting(2)), 1, 'late'],
  ['of no attempt, before the first', queued(), 1, 'late'],
  ['of no attempt that was ever made', awaiting(), 2, 'late']
]
for (const [what, request, attempt, keep] of old) {
  for (const [errorType] of decisions) {
    t.test(`${errorType ?? 'an error without Type'} ${what} changes nothing`, async (t) => {
      const received = callback(attempt, error(errorType), RECEIVED, { hash: 'other' })
      const { request: after, kept } = fold(request, [received])
      const line = { at: RECEIVED, event: 'callback-superseded', attempt, keep }
      noted(t, [request, after], line)
      t.strictSame(keptOf(kept), { [`${attempt}.other`]: keep })
    })
  }
}

t.test('an error that comes after silence takes the place of the silence', async (t) => {
  const twice = silent(awaiting(2))
  const received = callback(2, error('RETRY_IMMEDIATELY'), RECEIVED)
  const { attempts } = fold(twice, [received]).request
  t.strictSame(
    attempts.map(({ cause }) => cause),
    ['no-callback', 'retry-immediately']
  )
})

for (const [what, request] of [
  ['an HTTP 503, before its retry', failedAtOnce],
  ['an HTTP 401 that parked it', parkedAtOnce]
] as const) {
  t.test(`an error that comes after ${what}, is obeyed: it is Khipu's own word`, async (t) => {
    const received = callback(1, error('WAIT_4_HOURS_BEFORE_RETRY'), RECEIVED)
    const { request: after, kept } = fold(request, [received])
    t.equal(after.state, 'retry-scheduled')
    t.equal(after.dueAt, RECEIVED + 4 * HOUR)
    t.equal(after.parked, null)
    t.strictSame(
      after.attempts.map(({ cause }) => cause),
      ['wait-4-hours']
    )
    t.strictSame(keptOf(kept), {})
  })
}

t.test('the immediate answer to an attempt that its callback beat changes nothing', async (t) => {
  for (const type of ['RETRY_IMMEDIATELY', 'DO_NOT_RETRY', 'RETRY_AFTER_NOTIFICATION']) {
    t.test(type, async (t) => {
      const beaten = calledBack(IN_STATE.sending, error(type), START + SECOND)
      const after = applyAnswer(beaten, 1, acknowledged(), at(START + 2 * SECOND))
      const event = 'answer-superseded'
      noted(t, [beaten, after], { at: START + 2 * SECOND, event, attempt: 1 })
    })
  }
})

const delivered = IN_STATE.delivered
const failed = IN_STATE.failed
const cancelled = IN_STATE.cancelled
const failedSilent = silent(awaiting(3))
const rejected = answered(
  sent(queued()),
  { type: 'refused', httpStatus: 404, cause: 'rejected', detail: 'HTTP 404' },
  0
)
const cancelledAfterError = cancel(failedOnce, 'ann', START + HOUR)
const ended: [
  what: string,
  request: Request,
  attempt: number,
  outcome: Outcome,
  hash: string,
  keep: QuarantineCause | null
][] = [
  ['the result that was delivered', delivered, 1, result(), 'result', null],
  ['the delivered bytes on another attempt', delivered, 2, result(), 'result', null],
  ['another result after one was delivered', delivered, 1, result(), 'other', 'conflict'],
  ['another attempt’s result after one', delivered, 2, result(), 'other', 'conflict'],
  ['an error after a result', delivered, 1, error('DO_NOT_RETRY'), 'error', 'conflict'],
  ['the error that failed it', failed, 1, error('DO_NOT_RETRY'), 'error', null],
  ['the same error on another attempt', failed, 2, error('DO_NOT_RETRY'), 'error', null],
  ['another error after the one that failed it', failed, 1, error(null), 'other', 'conflict'],
  ['a result after a failure', failed, 1, result(), 'result', 'late'],
  ['a result after no callback', failedSilent, 3, result(), 'result', 'late'],
  ['an old attempt’s result after no callback', failedSilent, 1, result(), 'result', 'late'],
  ['an error after no callback', failedSilent, 3, error('DO_NOT_RETRY'), 'error', 'late'],
  ['an error after a rejection', rejected, 1, error('DO_NOT_RETRY'), 'error', 'late'],
  ['a result after a rejection', rejected, 1, result(), 'result', 'late'],
  ['a result after a cancellation', cancelled, 1, result(), 'result', 'late'],
  ['an error after a cancellation', cancelled, 1, error(null), 'error', 'late'],
  ['the known error after a cancellation', cancelledAfterError, 1, error(null), 'error', null],
  ['another error after it', cancelledAfterError, 1, error(null), 'other', 'conflict'],
  ['a result after both', cancelledAfterError, 1, result(), 'result', 'late']
]
for (const [what, request, attempt, outcome, hash, keep] of ended) {
  const kind = keep === null ? 'not kept' : `kept as ${keep}`
  for (const before of [request, markPublished(request, NOW - 1)]) {
    const when = before === request ? 'before' : 'after'
    t.test(`${what}: noted and ${kind}, ${when} its publishing`, async (t) => {
      const received = callback(attempt, outcome, RECEIVED, { hash })
      const { request: after, kept } = fold(before, [received])
      const { operationId } = outcome
      const line = { at: RECEIVED, event: 'callback-late', attempt, operationId, keep }
      noted(t, [before, after], line)
      t.strictSame(keptOf(kept), keep === null ? {} : { [`${attempt}.${hash}`]: keep })
    })
  }
}

t.test('a failure is news of the latest attempt alone, and only while it is silent', async (t) => {
  const rows: [what: string, request: Request, attempt: number, isNews: boolean][] = [
    ['no attempt', queued(), 1, false],
    ['the latest', awaiting(2), 2, true],
    ['an earlier one', awaiting(2), 1, false],
    ['none that was made', awaiting(2), 3, false],
    ['one that failed', failedOnce, 1, false],
    ['a silent one, its retry not yet sent', silentOnce, 1, true],
    ['a silent one, its retry sent', sent(silentOnce), 1, false],
    ['a silent one, its request failed', failedSilent, 3, false],
    ['a silent one, its request cancelled', cancel(silentOnce, 'ann', NOW), 1, false]
  ]
  for (const [what, request, attempt, isNews] of rows) {
    t.test(`${what}: ${isNews ? 'news' : 'no news'}`, async (t) => {
      t.equal(isUnanswered(request, attempt), isNews)
    })
  }
})

t.test('several callbacks in hand', async (t) => {
  const good = callback(1, result(), RECEIVED, { hash: 'good' })
  const bad = callback(1, error('DO_NOT_RETRY'), RECEIVED, { hash: 'bad' })
  const again = callback(1, error('RETRY_IMMEDIATELY'), RECEIVED, { hash: 'again' })
  const parking = callback(1, error('RETRY_AFTER_NOTIFICATION'), RECEIVED, { hash: 'parking' })
  const later = (callback: Callback) => ({ ...callback, receivedAt: RECEIVED + 1 })
  type Row = [
    what: string,
    callbacks: Callback[],
    state: string,
    body: string,
    kept: Record<string, QuarantineCause>
  ]
  const rows: Row[] = [
    ['a result, then an error', [good, later(bad)], 'delivered', '1.good', { '1.bad': 'conflict' }],
    ['an error, then a result', [bad, later(good)], 'delivered', '1.good', {}],
    ['the same, out of order', [later(good), bad], 'delivered', '1.good', {}],
    ['a retry, then a result', [again, later(good)], 'delivered', '1.good', {}],
    ['the same, out of order', [later(good), again], 'delivered', '1.good', {}],
    ['a parking, then a result', [parking, later(good)], 'delivered', '1.good', {}],
    [
      'a parking, then a retry',
      [parking, later(again)],
      'parked',
      '1.parking',
      { '1.again': 'conflict' }
    ],
    [
      'a retry, then a parking',
      [again, later(parking)],
      'retry-scheduled',
      '1.again',
      { '1.parking': 'conflict' }
    ],
    ['in the same instant, as they stand', [bad, good], 'delivered', '1.good', {}],
    [
      'in the same instant, the other way',
      [good, bad],
      'delivered',
      '1.good',
      { '1.bad': 'conflict' }
    ],
    [
      'two results, then an error',
      [good, { ...later(good), id: '1.better' }, { ...later(bad), receivedAt: NOW }],
      'delivered',
      '1.good',
      { '1.better': 'conflict', '1.bad': 'conflict' }
    ]
  ]
  for (const [what, callbacks, state, body, expected] of rows) {
    t.test(what, async (t) => {
      const given = structuredClone(callbacks)
      const { request, kept } = fold(awaiting(), callbacks)
      t.match(request, { state, response: { body } })
      t.strictSame(keptOf(kept), expected)
      t.strictSame(callbacks, given, 'what was given is left as it was')
    })
  }
})

t.test('no callback in hand leaves the very same request', async (t) => {
  for (const [state, request] of Object.entries(IN_STATE)) {
    const folded = fold(request, [])
    t.equal(folded.request, request, state)
    t.equal(folded.kept.size, 0)
  }
})

t.test('changes nothing of the request that it is given', async (t) => {
  const before = structuredClone(parkedOnce)
  fold(parkedOnce, [callback(1, error(null), RECEIVED), callback(1, result(), RECEIVED)])
  t.strictSame(parkedOnce, before)
})

t.test('the operation id', async (t) => {
  const rows: [what: string, outcome: Outcome, expected: string | null][] = [
    ['of a result takes the place of the acknowledged one', result(), 'op-result'],
    ['of an error takes the place of the acknowledged one', error(null), 'op-error'],
    ['of a result without one stays', result({ operationId: null }), 'op-1'],
    ['of an error without one stays', error(null, { operationId: null }), 'op-1']
  ]
  for (const [what, outcome, expected] of rows) {
    t.test(what, async (t) => {
      const { request } = fold(awaiting(), [callback(1, outcome, RECEIVED)])
      t.equal(request.operationId, expected)
    })
  }
})

t.test('an envelope as immediate answer', async (t) => {
  const rows: [httpStatus: number, errorType: string | null, code: string, cause: Cause][] = [
    [200, 'RETRY_IMMEDIATELY', 'E201', 'retry-immediately'],
    [200, 'RETRY_IMMEDIATELY', 'E101', 'refused-logon'],
    [503, null, 'E101', 'credentials'],
    [401, null, 'e101', 'credentials'],
    [500, 'X', 'E101', 'unknown-type'],
    [302, null, 'E201', 'unreadable-answer'],
    [200, null, 'E201', 'unknown-type'],
    [200, null, 'A000', 'unauthorized'],
    [400, null, 'P001', 'rejected'],
    [400, 'RETRY_IMMEDIATELY', 'P001', 'retry-immediately'],
    [401, null, 'E201', 'unauthorized'],
    [401, 'DO_NOT_RETRY', 'A000', 'do-not-retry'],
    [429, null, 'E201', 'temporary'],
    [500, null, 'I001', 'temporary'],
    [500, 'WAIT_4_HOURS_BEFORE_RETRY', 'I001', 'wait-4-hours']
  ]
  for (const [httpStatus, errorType, code, cause] of rows) {
    t.test(`HTTP ${httpStatus}, ${errorType}, ${code}: ${cause}`, async (t) => {
      const received = callback(1, error(errorType, { code }), RECEIVED, { httpStatus })
      const { request } = fold(IN_STATE.sending, [received])
      t.match(request, { reason: cause, attempts: [{ cause }] })
      t.match(request.history.at(-2), { event: 'answered', attempt: 1, outcome: 'error' })
    })
  }
  t.test('a good one is delivered at once', async (t) => {
    const received = callback(1, result(), RECEIVED, { httpStatus: 200 })
    const { request } = fold(IN_STATE.sending, [received])
    t.equal(request.state, 'delivered')
    t.match(request.history.at(-2), { event: 'answered', attempt: 1, outcome: 'result' })
  })
  t.test('the same status without its envelope is a callback, and not gone by', async (t) => {
    const { request } = fold(IN_STATE.sending, [callback(1, error(null), RECEIVED)])
    t.equal(request.reason, 'unknown-type')
    t.match(request.history.at(-2), { event: 'callback' })
  })
})

t.test('the race between parking and notification', async (t) => {
  const received = callback(1, error('RETRY_AFTER_NOTIFICATION', { code: 'E150' }), RECEIVED)
  const rows: [what: string, notifiedAt: number, code: string | null, state: string][] = [
    ['before the failure', RECEIVED - 1, null, 'parked'],
    ['with the failure', RECEIVED, null, 'retry-scheduled'],
    ['between failure and parking', RECEIVED + 1, 'E150', 'retry-scheduled'],
    ['between them, for another code', RECEIVED + 1, 'E151', 'parked']
  ]
  for (const [what, notifiedAt, code, state] of rows) {
    t.test(`a notification ${what}: ${state}`, async (t) => {
      const notifications = [notification(notifiedAt, { code })]
      const { request } = fold(awaiting(), [received], { notifications })
      t.match(request, { state, dueAt: state === 'parked' ? NOW + 7 * DAY : NOW })
      t.equal(request.parked === null, state !== 'parked')
    })
  }
})

t.test('fails as expired what is too old for its retry, with the last error', async (t) => {
  const old = { ...awaiting(), requestedAt: NOW - 72 * HOUR - 1 }
  const received = callback(1, error('RETRY_IMMEDIATELY', { code: 'E201' }), RECEIVED)
  const { request } = fold(old, [received])
  t.match(request, { state: 'failed', reason: 'expired', code: 'E201' })
  t.strictSame(lastEvent(request), {
    at: NOW,
    event: 'failed',
    attempt: 1,
    cause: 'retry-immediately',
    code: 'E201',
    reason: 'expired'
  })
})

t.test('delivers a good result however old its request is', async (t) => {
  const old = { ...awaiting(), requestedAt: 0 }
  t.equal(fold(old, [callback(1, result(), RECEIVED)]).request.state, 'delivered')
})

t.test('five errors in a row are retried, the sixth fails', async (t) => {
  const states = Array.from({ length: 6 }).reduce<Request[]>(
    (before) => {
      const next = sent(before.at(-1) ?? queued())
      const now = (next.attempts.at(-1)?.sendingAt ?? 0) + MINUTE
      return [...before, calledBack(next, error('RETRY_IMMEDIATELY'), now)]
    },
    [queued()]
  )
  const due = states.slice(1).map(({ state, reason }) => `${state} ${reason}`)
  t.strictSame(due, [
    ...Array<string>(5).fill('retry-scheduled retry-immediately'),
    'failed retries-exhausted'
  ])
})

function parkedSecond(): Request {
  return calledBack(awaiting(2), error('RETRY_AFTER_NOTIFICATION'), START + 2 * HOUR)
}
