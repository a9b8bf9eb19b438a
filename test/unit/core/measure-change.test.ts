import t from 'tap'
import { measureChange } from '../../../src/core/measures/measure-change.ts'
import type { Request } from '../../../src/core/request.ts'
import {
  answered,
  awaiting,
  calledBack,
  error,
  IN_STATE,
  MINUTE,
  queued,
  REJECTED,
  result,
  SECOND,
  sent,
  sentTwice,
  START
} from '../../helpers/given.ts'

const BANK = 'btgpactual.cl'
const NOTHING = { bank: BANK, decisions: [], latenciesMs: [], ended: null }
const before = awaiting()

/** The changes of a request, and what each adds to the metrics. */
const CHANGES: readonly (readonly [string, Request, Request, object])[] = [
  ['nothing', before, before, NOTHING],
  ['a POST', queued(), sent(queued()), NOTHING],
  [
    'a result',
    before,
    calledBack(before, result(), START + MINUTE),
    {
      decisions: [{ decision: 'deliver', cause: '', code: '' }],
      latenciesMs: [MINUTE],
      ended: { state: 'delivered', reason: '', afterMs: MINUTE }
    }
  ],
  [
    'an error that is retried',
    before,
    calledBack(before, error('RETRY_IMMEDIATELY'), START + MINUTE),
    {
      decisions: [{ decision: 'retry', cause: 'retry-immediately', code: 'E201' }],
      latenciesMs: [MINUTE],
      ended: null
    }
  ],
  [
    'an error that parks, with a code that is none of the known form',
    before,
    calledBack(before, error('RETRY_AFTER_NOTIFICATION', { code: 'x-7' }), START + MINUTE),
    { decisions: [{ decision: 'park', cause: 'retry-after-notification', code: 'other' }] }
  ],
  [
    'an immediate refusal, which is no callback',
    sent(queued()),
    answered(sent(queued()), REJECTED, START + SECOND),
    {
      decisions: [{ decision: 'fail', cause: 'rejected', code: '' }],
      latenciesMs: [],
      ended: { state: 'failed', reason: 'rejected', afterMs: SECOND }
    }
  ],
  [
    'a cancellation, which is no decision',
    before,
    IN_STATE.cancelled,
    { decisions: [], ended: { state: 'cancelled', reason: 'cancelled', afterMs: MINUTE } }
  ],
  [
    'a change after the end, which has been counted',
    IN_STATE.delivered,
    { ...IN_STATE.delivered, publishedAt: START + MINUTE },
    NOTHING
  ]
]

for (const [name, from, to, expected] of CHANGES) {
  t.test(`measures ${name}`, async (t) => {
    t.match(measureChange({ before: from, after: to }), { bank: BANK, ...expected })
  })
}

t.test('the latency of a late callback is that of its own attempt', async (t) => {
  const twice = sentTwice()
  const [first, second] = twice.attempts
  const at = (second?.sendingAt ?? 0) + MINUTE
  const { latenciesMs } = measureChange({ before: twice, after: calledBack(twice, result(), at) })
  t.same(latenciesMs, [MINUTE])
  t.not(first?.sendingAt, second?.sendingAt)
})

t.test('a callback of an attempt that the record lacks has no latency', async (t) => {
  const after = { ...calledBack(before, result(), START + MINUTE), attempts: [] }
  t.same(measureChange({ before, after }).latenciesMs, [])
})

t.test('a change without an earlier line of history is measured whole', async (t) => {
  const { decisions } = measureChange({
    before: { ...before, history: [] },
    after: IN_STATE.parked
  })
  t.equal(decisions.length, 1)
})
