import t from 'tap'
import { acceptRequest } from '../../../src/core/new-request.ts'
import { jobsOf, progressDueAt } from '../../../src/core/required-jobs.ts'
import { cancel, release, retryNow } from '../../../src/core/transitions/on-operator.ts'
import {
  isUnpublished,
  lateResultOf,
  markPublished,
  resultOf
} from '../../../src/core/result-head.ts'
import { isOpen, note, type Request, STATES } from '../../../src/core/request.ts'
import type {
  Deviation,
  FailReason,
  KhipuEnvelope,
  Result
} from '../../../src/schemas/generated.ts'
import { check, schemas } from '../../../src/schemas/validate.ts'
import {
  ACCOUNT,
  acknowledged,
  answered,
  awaiting,
  calledBack,
  callback,
  DAY,
  error,
  HOUR,
  ID,
  IN_STATE,
  MINUTE,
  queued,
  REJECTED,
  result,
  SECOND,
  sent,
  SERVICE,
  silent,
  START
} from '../../helpers/given.ts'
import { JOB_OF } from '../../helpers/life.ts'
import { changed, ENDED, fold } from '../../helpers/steps.ts'

const ENVELOPE: KhipuEnvelope = {
  OperationId: 'op-result',
  Status: 'OK',
  Data: { Transaction: [{ TransactionId: '1' }] },
  AdditionalInformation: null,
  Error: null,
  LifeSpan: null
}

const DEVIATIONS: Deviation[] = [{ path: '/Data/Transaction/0/Amount', rule: 'type' }]

t.test('knows the states of the schema, and no others', async (t) => {
  t.strictSame(STATES, schemas.get('request-state')?.['enum'])
})

for (const state of STATES) {
  const request = IN_STATE[state]
  const type = JOB_OF[state]

  t.test(`${state} needs one ${type} job, at its instant, and no other`, async (t) => {
    const instant = (type === 'result' ? request.endedAt : request.dueAt) ?? NaN
    const jobId = type === 'result' ? ID : `${type}-${ID}-${request.attempts.length}-${instant}`
    t.strictSame(jobsOf(request), [{ type, jobId, requestId: ID, at: instant }])
    t.equal(progressDueAt(request), instant)
  })
  t.test(`${state} asks for the same job again whatever is noted`, async (t) => {
    t.strictSame(jobsOf(note(request, { at: 0, event: 'callback-late' })), jobsOf(request))
  })
  t.test(`${state} gives its job an id that BullMQ takes`, async (t) => {
    for (const { jobId } of jobsOf(request)) t.match(jobId, /^(?!\d+$)[^:\s]+$/)
  })
  t.test(`${state} is ${ENDED.includes(state) ? 'ended' : 'open'}`, async (t) => {
    t.equal(isOpen(request), !ENDED.includes(state))
    t.equal(isUnpublished(request), ENDED.includes(state))
    t.equal(request.dueAt === null, ENDED.includes(state), 'due while open, and only then')
  })
}

t.test('another instant is another job', async (t) => {
  const [before] = jobsOf(IN_STATE['retry-scheduled'])
  const [after] = jobsOf(retryNow(IN_STATE['retry-scheduled'], 'ann', START + HOUR))
  t.not(before?.jobId, after?.jobId)
})

for (const state of STATES.filter((state) => !ENDED.includes(state))) {
  t.test(`${state} without an instant has no job, and is never overdue`, async (t) => {
    const odd = { ...IN_STATE[state], dueAt: null }
    t.strictSame(jobsOf(odd), [])
    t.equal(progressDueAt(odd), null)
  })
  t.test(`${state} is not published`, async (t) => {
    t.equal(markPublished(IN_STATE[state], START + HOUR), IN_STATE[state])
  })
}

for (const state of ENDED) {
  const request = IN_STATE[state]
  const published = markPublished(request, START + HOUR)

  t.test(`${state} and published needs nothing more`, async (t) => {
    const at = START + HOUR
    changed(t, [request, published], { publishedAt: at }, [{ at, event: 'result-published' }])
    t.notOk(isUnpublished(published))
    t.strictSame(jobsOf(published), [])
    t.equal(progressDueAt(published), null)
  })
  t.test(`${state} is published once`, async (t) => {
    t.equal(markPublished(published, START + DAY), published)
  })
}

t.test('a request that has just been accepted', async (t) => {
  const asked = {
    requestId: ID,
    service: SERVICE,
    reference: null,
    account: ACCOUNT,
    authorization: null
  }
  t.strictSame(acceptRequest(asked, 'erp', START), {
    format: 1,
    stateSince: START,
    requestId: ID,
    service: SERVICE,
    reference: null,
    account: ACCOUNT,
    authorization: null,
    state: 'queued',
    reason: null,
    code: null,
    requestedAt: START,
    dueAt: START,
    paced: false,
    parked: null,
    parkedMs: 0,
    attempts: [],
    operationId: null,
    completeness: null,
    response: null,
    endedAt: null,
    publishedAt: null,
    history: [{ at: START, event: 'accepted', by: 'erp' }]
  })
})

t.test('the history', async (t) => {
  const noted = (count: number) =>
    Array.from({ length: count }).reduce<Request>(
      (request, _, index) => note(request, { at: START + index, event: `event-${index + 1}` }),
      queued()
    )
  const eventsOf = (request: Request) => request.history.map(({ event }) => event)

  t.test('gets a line at its end', async (t) => {
    t.strictSame(eventsOf(noted(2)), ['accepted', 'event-1', 'event-2'])
  })
  t.test('takes a first line as well', async (t) => {
    const request = note({ ...queued(), history: [] }, { at: 1, event: 'accepted' })
    t.strictSame(request.history, [{ at: 1, event: 'accepted' }])
  })
  t.test('holds 200 lines', async (t) => {
    const events = eventsOf(noted(199))
    t.equal(events.length, 200)
    t.strictSame(events.slice(0, 2), ['accepted', 'event-1'])
    t.equal(events.at(-1), 'event-199')
  })
  for (const count of [200, 201, 500]) {
    t.test(`gives up its oldest lines but the first after ${count} more`, async (t) => {
      const events = eventsOf(noted(count))
      t.equal(events.length, 200)
      t.strictSame(events.slice(0, 2), ['accepted', `event-${count - 198}`])
      t.equal(events.at(-1), `event-${count}`)
    })
  }
})

type Expected = Result & { readonly response: KhipuEnvelope | null }

const base = {
  requestId: ID,
  reference: 'invoice-run-7',
  service: SERVICE,
  requestedAt: '2026-11-22T09:00:00.000Z',
  deviations: []
}
const failedWith = (reason: FailReason): Expected => ({
  ...base,
  outcome: 'failed',
  completeness: null,
  reason,
  attempts: 1,
  receivedAt: null,
  operationId: 'op-1',
  response: null
})
const withError = {
  receivedAt: '2026-11-22T09:01:00.000Z',
  operationId: 'op-error',
  response: { ...ENVELOPE, Status: 'ERROR' as const }
}
const results: [what: string, request: Request, result: Expected][] = [
  [
    'a delivery',
    IN_STATE.delivered,
    {
      ...base,
      outcome: 'delivered',
      completeness: 'complete',
      reason: null,
      attempts: 1,
      receivedAt: '2026-11-22T09:01:00.000Z',
      operationId: 'op-result',
      deviations: DEVIATIONS,
      response: ENVELOPE
    }
  ],
  [
    'the delivery of a second attempt',
    calledBack(awaiting(2), result({ completeness: 'empty', operationId: null }), START + HOUR),
    {
      ...base,
      outcome: 'delivered',
      completeness: 'empty',
      reason: null,
      attempts: 2,
      receivedAt: '2026-11-22T10:00:00.000Z',
      operationId: 'op-1',
      response: ENVELOPE
    }
  ],
  ['do-not-retry', IN_STATE.failed, { ...failedWith('do-not-retry'), ...withError }],
  [
    'retries-exhausted',
    calledBack(
      sent(calledBack(awaiting(), error('RETRY_IMMEDIATELY', { code: 'E101' }), START + MINUTE)),
      error('RETRY_IMMEDIATELY', { code: 'E101' }),
      START + 2 * MINUTE
    ),
    {
      ...failedWith('retries-exhausted'),
      ...withError,
      attempts: 2,
      receivedAt: '2026-11-22T09:02:00.000Z'
    }
  ],
  [
    'rejected',
    answered(sent(queued()), REJECTED, START),
    { ...failedWith('rejected'), operationId: null }
  ],
  ['no-callback', silent(awaiting(3)), { ...failedWith('no-callback'), attempts: 3 }],
  ['cancelled', IN_STATE.cancelled, failedWith('cancelled')],
  [
    'cancelled before the first attempt',
    cancel(queued(), 'ann', START),
    { ...failedWith('cancelled'), attempts: 0, operationId: null }
  ],
  [
    'cancelled after an error',
    cancel(IN_STATE['retry-scheduled'], 'ann', START + HOUR),
    { ...failedWith('cancelled'), ...withError }
  ],
  [
    'expired',
    sent(retryNow(IN_STATE['retry-scheduled'], 'ann', START + 73 * HOUR)),
    { ...failedWith('expired'), ...withError }
  ],
  ['parked-too-long', silent(IN_STATE.parked), { ...failedWith('parked-too-long'), ...withError }]
]
for (const [what, request, expected] of results) {
  t.test(`the result of ${what}`, async (t) => {
    const { response, deviations, ...head } = expected
    t.strictSame(resultOf(request), head)
    const made = { ...resultOf(request), deviations, response }
    t.strictSame(check('result', made), { valid: true, value: made })
    t.strictSame(resultOf(markPublished(request, START + 9 * DAY)), head)
  })
}

t.test(
  'a good result of an attempt that was silent is the request’s, though others followed',
  async (t) => {
    const request = awaiting(3)
    const late = callback(1, result({ completeness: 'incomplete' }), START + 2 * HOUR)
    const delivered = fold(request, [late], START + 2 * HOUR).request
    t.match(resultOf(delivered), {
      outcome: 'delivered',
      completeness: 'incomplete',
      attempts: 3
    })
  }
)

t.test('the extra result of a request that had not been delivered', async (t) => {
  const rows: [what: string, request: Request, attempts: number][] = [
    ['failed', IN_STATE.failed, 1],
    ['failed without a callback', silent(awaiting(3)), 3],
    ['cancelled', IN_STATE.cancelled, 1],
    ['failed and published', markPublished(IN_STATE.failed, START + HOUR), 1]
  ]
  for (const [what, request, attempts] of rows) {
    t.test(what, async (t) => {
      const outcome = result({ completeness: 'incomplete', operationId: 'op-late' })
      const late = lateResultOf(request, outcome, START + 2 * DAY)
      const rest = { deviations: DEVIATIONS, response: ENVELOPE }
      const expected = {
        ...base,
        outcome: 'delivered',
        completeness: 'incomplete',
        reason: null,
        attempts,
        receivedAt: '2026-11-24T09:00:00.000Z',
        operationId: 'op-late',
        ...rest
      }
      t.strictSame({ ...late, ...rest }, expected)
      t.strictSame(check('result', expected), { valid: true, value: expected })
    })
  }
})

t.test('no open state is ever without a due instant', async (t) => {
  const released = release(IN_STATE.parked, START + HOUR, 'ann', START + HOUR)
  const waits = calledBack(awaiting(), error('WAIT_4_HOURS_BEFORE_RETRY'), START + MINUTE)
  const unread = acknowledged({ lifeSpan: 'soon' })
  const rows: [what: string, request: Request, dueAt: number][] = [
    ['accepted', queued(), START],
    ['sending', sent(queued()), START + 190 * SECOND + 30 * MINUTE],
    ['acknowledged', answered(sent(queued()), unread, START), START + 30 * MINUTE],
    ['released', released, START + HOUR],
    ['four hours', waits, START + MINUTE + 4 * HOUR],
    ['silent', silent(awaiting()), START + SECOND + 30 * MINUTE],
    ['parked', IN_STATE.parked, START + MINUTE + 7 * DAY]
  ]
  for (const [what, request, dueAt] of rows) {
    t.test(what, async (t) => {
      t.equal(request.dueAt, dueAt)
      t.equal(jobsOf(request).length, 1)
    })
  }
})
