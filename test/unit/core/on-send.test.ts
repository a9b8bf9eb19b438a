import t from 'tap'
import type { Answer } from '../../../src/core/answer.ts'
import { applyDeadline } from '../../../src/core/transitions/on-deadline.ts'
import { jobsOf } from '../../../src/core/required-jobs.ts'
import { cancel, release, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import { latestAttempt, type Request, type State, STATES } from '../../../src/core/request.ts'
import {
  applyAnswer,
  beginSending,
  isDueForSending
} from '../../../src/core/transitions/on-send.ts'
import {
  acknowledged,
  AMBIGUOUS,
  answered,
  at,
  awaiting,
  calledBack,
  CALLBACK_TIMEOUT,
  DAY,
  error,
  HOUR,
  ID,
  IN_STATE,
  lastEvent,
  MINUTE,
  notification,
  queued,
  REJECTED,
  REQUEST_TIMEOUT,
  result,
  SECOND,
  sent,
  sentTwice,
  silent,
  START,
  temporary,
  UNAUTHORIZED
} from '../../helpers/given.ts'
import { begin, changed, ENDED, noted } from '../../helpers/steps.ts'

type SimpleAnswer = Exclude<Answer, { type: 'envelope' }>

const NOW = START + 2 * HOUR
const WAITING: readonly State[] = ['queued', 'retry-scheduled']
const UNDER_WAY: readonly State[] = ['sending', 'awaiting-callback']
const ANSWERS: readonly SimpleAnswer[] = [
  acknowledged({ operationId: 'op-2' }),
  AMBIGUOUS,
  REJECTED,
  UNAUTHORIZED,
  temporary(HOUR)
]

const nameOf = (answer: SimpleAnswer) =>
  answer.type === 'refused' ? answer.cause : (answer.type satisfies string)

t.test('the beginning of a sending', async (t) => {
  for (const state of WAITING) {
    const request = IN_STATE[state]
    const dueAt = request.dueAt ?? NaN
    t.test(`${state} is not sent a millisecond early`, async (t) => {
      t.equal(begin(request, dueAt - 1), request)
      t.notOk(isDueForSending(request, dueAt - 1))
    })
    for (const lateMs of [0, 1, DAY]) {
      t.test(`${state} is sent ${lateMs} ms after its instant`, async (t) => {
        const now = dueAt + lateMs
        const number = request.attempts.length + 1
        t.ok(isDueForSending(request, now))
        const begun = begin(request, now)
        const fields = {
          state: 'sending',
          reason: null,
          code: null,
          dueAt: now + REQUEST_TIMEOUT + CALLBACK_TIMEOUT,
          attempts: [
            ...request.attempts,
            { number, sendingAt: now, dueAt: request.dueAt, cause: null, logon: 'logon-1' }
          ]
        }
        changed(t, [request, begun], fields, [{ at: now, event: 'sending', attempt: number }])
        t.equal(begun.history.length, request.history.length + 1)
      })
    }
  }
  for (const state of STATES.filter((state) => !WAITING.includes(state) && state !== 'sending')) {
    t.test(`${state} is not sent`, async (t) => {
      t.equal(begin(IN_STATE[state], NOW + 30 * DAY), IN_STATE[state])
      t.notOk(isDueForSending(IN_STATE[state], NOW + 30 * DAY))
    })
  }
  t.test('what has no instant is not due', async (t) => {
    t.notOk(isDueForSending({ ...queued(), dueAt: null }, NOW))
  })
  t.test(
    'sending, left by a lost process, awaits its callback and is not sent again',
    async (t) => {
      const begun = begin(IN_STATE.sending, NOW)
      const fields = {
        state: 'awaiting-callback',
        reason: 'ambiguous',
        dueAt: NOW + CALLBACK_TIMEOUT
      }
      const line = { at: NOW, event: 'ambiguous', attempt: 1, detail: 'process lost' }
      changed(t, [IN_STATE.sending, begun], fields, [line])
    }
  )
  t.test('the same of a second attempt', async (t) => {
    const begun = begin(sentTwice(), NOW)
    t.equal(begun.attempts.length, 2)
    t.match(lastEvent(begun), { event: 'ambiguous', attempt: 2 })
  })
  t.test(
    'a request without attempts that claims to be sending is healed all the same',
    async (t) => {
      const odd: Request = { ...queued(), state: 'sending' }
      const begun = begin(odd, NOW)
      t.match(begun, { state: 'awaiting-callback', dueAt: NOW + CALLBACK_TIMEOUT, attempts: [] })
    }
  )
})

t.test('the age of a request that is to be sent', async (t) => {
  const rows: [what: string, ageMs: number, parkedMs: number, state: State][] = [
    ['72 h', 72 * HOUR, 0, 'sending'],
    ['72 h and a millisecond', 72 * HOUR + 1, 0, 'failed'],
    ['9 days, of them 7 parked', 9 * DAY, 7 * DAY, 'sending'],
    ['10 days and a millisecond, of them 7 parked', 10 * DAY + 1, 7 * DAY, 'failed']
  ]
  for (const [what, ageMs, parkedMs, state] of rows) {
    t.test(`${what}: ${state}`, async (t) => {
      const request = { ...queued(), parkedMs }
      const begun = begin(request, START + ageMs)
      t.match(begun, { state, attempts: state === 'failed' ? [] : [{ number: 1 }] })
      if (state !== 'failed') return
      t.strictSame(lastEvent(begun), { at: START + ageMs, event: 'failed', reason: 'expired' })
      t.match(begun, { reason: 'expired', dueAt: null, endedAt: START + ageMs })
    })
  }
  t.test('six days parked do not count', async (t) => {
    const released = release(IN_STATE.parked, START + 6 * DAY, 'ann', START + 6 * DAY)
    t.equal(sent(released).state, 'sending')
    t.equal(begin(released, START + 6 * DAY + 72 * HOUR).reason, 'expired')
  })
  t.test('days awaiting do count, and silence then ends it', async (t) => {
    const old = applyDeadline(awaiting(), at(START + 72 * HOUR + 1))
    t.match(old, { state: 'failed', reason: 'expired' })
  })
})

t.test('an acknowledgement', async (t) => {
  const deadlines: [lifeSpan: string | undefined, waitMs: number][] = [
    [undefined, CALLBACK_TIMEOUT],
    ['soon', CALLBACK_TIMEOUT],
    ['30', CALLBACK_TIMEOUT],
    ['PT0S', CALLBACK_TIMEOUT],
    ['PT10M', 10 * MINUTE],
    ['PT2H', 2 * HOUR],
    ['72h', 72 * HOUR],
    ['73h', 72 * HOUR],
    ['99999999999999999999d', 72 * HOUR],
    [new Date(NOW + 4 * MINUTE).toISOString(), 4 * MINUTE],
    [new Date(NOW + 90 * SECOND).toISOString(), 3 * MINUTE],
    ['1s', 3 * MINUTE],
    ['179999ms', 3 * MINUTE],
    ['PT3M1S', 181 * SECOND]
  ]
  for (const [lifeSpan, waitMs] of deadlines) {
    t.test(`with LifeSpan ${lifeSpan} sets the deadline ${waitMs} ms ahead`, async (t) => {
      const answer = acknowledged({ operationId: 'op-1', ...(lifeSpan ? { lifeSpan } : {}) })
      const after = answered(IN_STATE.sending, answer, NOW)
      const operationId = 'op-1'
      const fields = { state: 'awaiting-callback', operationId, dueAt: NOW + waitMs }
      const line = { at: NOW, event: 'acknowledged', attempt: 1, operationId }
      changed(t, [IN_STATE.sending, after], fields, [line])
    })
  }
  t.test('without an operation id keeps what is known', async (t) => {
    const again = sent(silent(awaiting()))
    t.equal(answered(again, acknowledged(), NOW).operationId, 'op-1')
    t.equal(answered(again, acknowledged({ operationId: 'op-2' }), NOW).operationId, 'op-2')
  })
  t.test('that comes after all clears the doubt', async (t) => {
    const doubtful = answered(IN_STATE.sending, AMBIGUOUS, START)
    const after = answered(doubtful, acknowledged(), NOW)
    t.match(after, { state: 'awaiting-callback', reason: null, dueAt: NOW + CALLBACK_TIMEOUT })
  })
  t.test('waits as long as the settings say', async (t) => {
    const context = at(NOW, { callbackTimeoutMs: 5 })
    t.equal(applyAnswer(IN_STATE.sending, 1, acknowledged(), context).dueAt, NOW + 5)
    const policy = { ...BUILT_IN_POLICY, requestMaxAgeMs: 3 }
    t.equal(
      applyAnswer(IN_STATE.sending, 1, acknowledged(), at(NOW, { policy })).dueAt,
      NOW + 3 * MINUTE
    )
    const brief = acknowledged({ lifeSpan: '1ms' })
    t.equal(applyAnswer(IN_STATE.sending, 1, brief, context).dueAt, NOW + 5, 'no sooner than asked')
    t.equal(applyAnswer(IN_STATE.sending, 1, AMBIGUOUS, context).dueAt, NOW + 5)
    t.equal(beginSending(queued(), context, 7).dueAt, NOW + 12)
  })
})

for (const state of UNDER_WAY) {
  const request = IN_STATE[state]
  const attempts = (cause: string | null) => [
    { number: 1, sendingAt: START, dueAt: START, cause, logon: 'logon-1' }
  ]
  const rows: [answer: SimpleAnswer, expected: object, event: object][] = [
    [
      AMBIGUOUS,
      {
        state: 'awaiting-callback',
        reason: 'ambiguous',
        dueAt: NOW + CALLBACK_TIMEOUT,
        attempts: attempts(null)
      },
      { event: 'ambiguous', attempt: 1, detail: 'time-out' }
    ],
    [
      REJECTED,
      {
        state: 'failed',
        reason: 'rejected',
        dueAt: null,
        endedAt: NOW,
        attempts: attempts('rejected')
      },
      {
        event: 'failed',
        attempt: 1,
        cause: 'rejected',
        code: null,
        detail: 'HTTP 400',
        reason: 'rejected'
      }
    ],
    [
      UNAUTHORIZED,
      {
        state: 'parked',
        reason: 'unauthorized',
        dueAt: NOW + 7 * DAY,
        parked: { at: NOW, cause: 'unauthorized' },
        attempts: attempts('unauthorized')
      },
      { event: 'parked', attempt: 1, detail: 'HTTP 401', cause: 'unauthorized', code: null }
    ],
    [
      { type: 'refused', httpStatus: 308, cause: 'unreadable-answer', detail: 'HTTP 308' },
      {
        state: 'parked',
        reason: 'unreadable-answer',
        dueAt: NOW + 7 * DAY,
        parked: { at: NOW, cause: 'unreadable-answer' },
        attempts: attempts('unreadable-answer')
      },
      { event: 'parked', attempt: 1, detail: 'HTTP 308', cause: 'unreadable-answer', code: null }
    ],
    [
      temporary(),
      {
        state: 'retry-scheduled',
        reason: 'temporary',
        dueAt: NOW + 2 * SECOND,
        attempts: attempts('temporary')
      },
      {
        event: 'retry-scheduled',
        attempt: 1,
        cause: 'temporary',
        code: null,
        detail: 'HTTP 503'
      }
    ],
    [
      temporary(3 * HOUR),
      {
        state: 'retry-scheduled',
        reason: 'temporary',
        dueAt: NOW + 3 * HOUR,
        attempts: attempts('temporary')
      },
      {
        event: 'retry-scheduled',
        attempt: 1,
        cause: 'temporary',
        code: null,
        detail: 'HTTP 503'
      }
    ]
  ]
  for (const [answer, expected, event] of rows) {
    t.test(`${state}, answered ${nameOf(answer)}`, async (t) => {
      const after = answered(request, answer, NOW)
      changed(t, [request, after], expected, [{ at: NOW, ...event }])
    })
  }
}

t.test(
  'an attempt remembers the job that began it, and the key that signs its token',
  async (t) => {
    const begun = begin(queued(), NOW, {}, { jobAt: NOW, signedWith: 'k1' })
    t.match(latestAttempt(begun), { number: 1, dueAt: NOW, signedWith: 'k1' })
    const again = begin(begun, NOW, {}, { jobAt: NOW })
    t.match(again, { state: 'awaiting-callback', reason: 'ambiguous' })
    t.equal(begin(begun, NOW, {}, { jobAt: NOW - 1 }), begun, 'an overtaken job')
  }
)

t.test('an ambiguous answer whose body was kept is remembered with its attempt', async (t) => {
  const body = Buffer.from('OK')
  const unreadable = { body, kind: 'not-json', faults: [] } as const
  const answer: SimpleAnswer = { type: 'ambiguous', detail: 'HTTP 200', unreadable }
  for (const request of [IN_STATE.sending, awaiting(2)]) {
    const number = request.attempts.length
    const after = answered(request, answer, NOW)
    t.match(after, { state: 'awaiting-callback', reason: 'ambiguous' })
    t.same(after.attempts.map(({ keptAnswer }) => keptAnswer ?? false).indexOf(true), number - 1)
    t.match(after.history.at(-1), { event: 'ambiguous', attempt: number, detail: 'HTTP 200' })
    t.notMatch(JSON.stringify(after), /unreadable|body/)
  }
})

t.test('nothing to send with is answered like HTTP 401', async (t) => {
  const answer: SimpleAnswer = {
    type: 'refused',
    httpStatus: null,
    cause: 'unauthorized',
    detail: 'no-authorization'
  }
  t.match(answered(IN_STATE.sending, answer, NOW), { state: 'parked', reason: 'unauthorized' })
})

t.test('an answer that came too late to matter', async (t) => {
  const rows: [what: string, request: Request, attempt: number][] = [
    ...STATES.filter((state) => !UNDER_WAY.includes(state)).map(
      (state): [string, Request, number] => [state, IN_STATE[state], 1]
    ),
    ['of the first attempt while the second is being sent', sentTwice(), 1],
    ['of the first attempt while the second is awaited', awaiting(2), 1],
    ['of the first attempt after the deadline', silent(awaiting()), 1],
    ['of an attempt that was never made', awaiting(), 2],
    ['of attempt 0', awaiting(), 0]
  ]
  for (const [what, request, attempt] of rows) {
    for (const answer of ANSWERS) {
      t.test(`${what}: ${nameOf(answer)} is only noted`, async (t) => {
        const after = applyAnswer(request, attempt, answer, at(NOW))
        noted(t, [request, after], { at: NOW, event: 'answer-superseded', attempt })
      })
    }
  }
})

t.test('a notification during the sending', async (t) => {
  const rows: [what: string, notifiedAt: number, state: State][] = [
    ['before the 401 was received parks', NOW - 1, 'parked'],
    ['when the 401 was received retries at once', NOW, 'retry-scheduled']
  ]
  for (const [what, notifiedAt, state] of rows) {
    t.test(what, async (t) => {
      const context = at(NOW, { notifications: [notification(notifiedAt)] })
      t.equal(applyAnswer(IN_STATE.sending, 1, UNAUTHORIZED, context).state, state)
    })
  }
})

t.test('the deadline', async (t) => {
  for (const state of STATES) {
    const request = IN_STATE[state]
    t.test(`${state}: nothing happens before its instant`, async (t) => {
      t.equal(applyDeadline(request, at((request.dueAt ?? START) - 1)), request)
    })
  }
  for (const state of [...WAITING, ...ENDED]) {
    t.test(`${state}: is none of its business`, async (t) => {
      t.equal(applyDeadline(IN_STATE[state], at(START + 30 * DAY)), IN_STATE[state])
    })
  }
  for (const state of UNDER_WAY) {
    for (const lateMs of [0, 1, HOUR]) {
      t.test(`${state}: silence is a failure, ${lateMs} ms after its instant`, async (t) => {
        const request = IN_STATE[state]
        const now = (request.dueAt ?? NaN) + lateMs
        const after = applyDeadline(request, at(now))
        const fields = {
          state: 'retry-scheduled',
          reason: 'no-callback',
          dueAt: now,
          attempts: [
            { number: 1, sendingAt: START, dueAt: START, cause: 'no-callback', logon: 'logon-1' }
          ]
        }
        changed(t, [request, after], fields, [
          { at: now, event: 'deadline-passed', attempt: 1 },
          { at: now, event: 'retry-scheduled', attempt: 1, cause: 'no-callback', code: null }
        ])
      })
    }
  }
  t.test('an attempt that may not have been sent is retried only after it', async (t) => {
    const doubtful = answered(IN_STATE.sending, AMBIGUOUS, NOW)
    t.strictSame(
      jobsOf(doubtful).map(({ type, at }) => ({ type, at })),
      [{ type: 'deadline', at: NOW + CALLBACK_TIMEOUT }]
    )
    t.match(silent(doubtful), { state: 'retry-scheduled', reason: 'no-callback' })
  })
  t.test(
    'a request without attempts that claims to await one is healed all the same',
    async (t) => {
      const odd: Request = { ...queued(), state: 'awaiting-callback' }
      const after = silent(odd)
      t.match(after, { state: 'retry-scheduled', reason: 'no-callback', dueAt: START })
      t.strictSame(after.attempts, [])
    }
  )
  t.test('the third silence fails the request', async (t) => {
    const request = awaiting(3)
    const now = request.dueAt ?? NaN
    const after = silent(request)
    t.match(after, { state: 'failed', reason: 'no-callback', endedAt: now, dueAt: null })
    t.strictSame(
      after.attempts.map(({ cause }) => cause),
      ['no-callback', 'no-callback', 'no-callback']
    )
  })
  t.test('parked: after 7 days it fails', async (t) => {
    const { parked } = IN_STATE
    const now = START + MINUTE + 7 * DAY
    t.equal(parked.dueAt, now)
    const after = applyDeadline(parked, at(now))
    const fields = {
      state: 'failed',
      reason: 'parked-too-long',
      dueAt: null,
      endedAt: now,
      parked: null,
      parkedMs: 7 * DAY
    }
    const line = { at: now, event: 'failed', reason: 'parked-too-long' }
    changed(t, [parked, after], fields, [line])
  })
})

t.test('an operator', async (t) => {
  for (const state of STATES.filter((state) => !ENDED.includes(state))) {
    t.test(`cancels what is ${state}`, async (t) => {
      const request = IN_STATE[state]
      const after = cancel(request, 'ann', NOW)
      const fields = {
        state: 'cancelled',
        reason: 'cancelled',
        dueAt: null,
        endedAt: NOW,
        parked: null,
        parkedMs: state === 'parked' ? NOW - START - MINUTE : 0
      }
      const line = { at: NOW, by: 'ann', event: 'cancelled', reason: 'cancelled' }
      changed(t, [request, after], fields, [line])
    })
  }
  for (const state of ENDED) {
    t.test(`cannot cancel what is ${state}`, async (t) => {
      t.equal(cancel(IN_STATE[state], 'ann', NOW), IN_STATE[state])
    })
  }
  for (const state of ['parked', 'retry-scheduled'] as const) {
    t.test(`sends at once what is ${state}`, async (t) => {
      const request = IN_STATE[state]
      const after = retryNow(request, 'ann', NOW)
      const fields = {
        state: 'retry-scheduled',
        dueAt: NOW,
        parked: null,
        releasedAt: NOW,
        parkedMs: state === 'parked' ? NOW - START - MINUTE : 0
      }
      changed(t, [request, after], fields, [{ at: NOW, event: 'retry-requested', by: 'ann' }])
      t.ok(isDueForSending(after, NOW))
    })
  }
  for (const state of STATES.filter((state) => state !== 'parked' && state !== 'retry-scheduled')) {
    t.test(`cannot send at once what is ${state}`, async (t) => {
      t.equal(retryNow(IN_STATE[state], 'ann', NOW), IN_STATE[state])
    })
  }
  t.test('gets four hours cut short, and no more than that', async (t) => {
    const waits = calledBack(awaiting(), error('WAIT_4_HOURS_BEFORE_RETRY'), START + MINUTE)
    const again = sent(retryNow(waits, 'ann', START + HOUR))
    const after = calledBack(again, error('WAIT_4_HOURS_BEFORE_RETRY'), NOW)
    t.match(after, { state: 'retry-scheduled', dueAt: NOW + 4 * HOUR })
  })
})

t.test('a release', async (t) => {
  t.test('sends what is parked at the instant that it names', async (t) => {
    const after = release(IN_STATE.parked, NOW + 700, 'notification', NOW)
    const fields = {
      state: 'retry-scheduled',
      dueAt: NOW + 700,
      paced: true,
      parked: null,
      releasedAt: NOW,
      parkedMs: NOW - START - MINUTE
    }
    const line = { at: NOW, event: 'released', by: 'notification' }
    changed(t, [IN_STATE.parked, after], fields, [line])
    t.notOk(isDueForSending(after, NOW + 699), 'paced')
    t.ok(isDueForSending(after, NOW + 700))
  })
  t.test('is paced until it is sent again for another reason', async (t) => {
    const after = release(IN_STATE.parked, NOW, 'notification', NOW)
    t.match(jobsOf(after), [{ type: 'paced', jobId: `paced-${ID}-1-${NOW}` }])
    t.match(jobsOf(retryNow(after, 'ana', NOW)), [{ type: 'send' }])
    const again = calledBack(sent(after), error('RETRY_IMMEDIATELY'), NOW)
    t.match(jobsOf(again), [{ type: 'send' }])
  })
  for (const state of STATES.filter((state) => state !== 'parked')) {
    t.test(`leaves what is ${state}`, async (t) => {
      t.equal(release(IN_STATE[state], NOW, 'notification', NOW), IN_STATE[state])
    })
  }
  t.test('adds up the time of each parking', async (t) => {
    const once = sent(release(IN_STATE.parked, START + HOUR, 'ann', START + HOUR))
    const twice = calledBack(once, error('RETRY_AFTER_NOTIFICATION'), START + 2 * HOUR)
    t.match(twice, { parkedMs: 59 * MINUTE, parked: { at: START + 2 * HOUR } })
    const after = release(twice, START + 5 * HOUR, 'ann', START + 5 * HOUR)
    t.equal(after.parkedMs, 59 * MINUTE + 3 * HOUR)
  })
  t.test('gives the next parking its own 7 days', async (t) => {
    const once = sent(release(IN_STATE.parked, START + 6 * DAY, 'ann', START + 6 * DAY))
    const twice = calledBack(once, error('RETRY_AFTER_NOTIFICATION'), START + 6 * DAY + HOUR)
    t.match(twice, { state: 'parked', dueAt: START + 13 * DAY + HOUR })
  })
})

t.test('the latest attempt is the one that was sent last', async (t) => {
  t.equal(latestAttempt(queued()), undefined)
  t.equal(latestAttempt(awaiting())?.number, 1)
  t.equal(latestAttempt(awaiting(3))?.number, 3)
})

t.test('changes nothing of the request that it is given', async (t) => {
  for (const state of STATES) {
    t.test(state, async (t) => {
      const request = structuredClone(IN_STATE[state])
      const context = at(START + 30 * DAY)
      beginSending(request, context, REQUEST_TIMEOUT)
      for (const answer of ANSWERS) applyAnswer(request, 1, answer, context)
      applyDeadline(request, context)
      cancel(request, 'ann', NOW)
      retryNow(request, 'ann', NOW)
      release(request, NOW, 'ann', NOW)
      calledBack(request, result(), NOW)
      calledBack(request, error(null), NOW)
      t.strictSame(request, IN_STATE[state])
    })
  }
})
