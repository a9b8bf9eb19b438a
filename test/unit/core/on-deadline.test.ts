import t from 'tap'
import { applyDeadline } from '../../../src/core/transitions/on-deadline.ts'
import { release, retryNow } from '../../../src/core/transitions/on-operator.ts'
import type { Request } from '../../../src/core/request.ts'
import {
  at,
  awaiting,
  callback,
  calledBack,
  DAY,
  error,
  HOUR,
  IN_STATE,
  notification,
  result,
  sent,
  silent,
  START
} from '../../helpers/given.ts'
import { begin, fold } from '../../helpers/steps.ts'

const dueOf = ({ dueAt }: Request) => dueAt ?? START

/** Its deadline came, and a callback of that attempt was refused and kept. */
function silentButKept(request: Request, keptAttempt: number | null): Request {
  return applyDeadline(request, at(dueOf(request), { keptAttempt }))
}

function withKeptAnswer(request: Request): Request {
  const attempts = request.attempts.map((attempt) => ({ ...attempt, keptAnswer: true as const }))
  return { ...request, attempts }
}

t.test('a deadline behind a callback that was refused and kept', async (t) => {
  const states: [what: string, request: Request, attempt: number][] = [
    ['awaited', awaiting(), 1],
    ['being sent', IN_STATE.sending, 1],
    ['awaited a second time', awaiting(2), 2],
    ['awaited a third time', awaiting(3), 3]
  ]
  for (const [what, request, attempt] of states) {
    t.test(`parks what is ${what} as quarantined`, async (t) => {
      const parked = silentButKept(request, attempt)
      const until = dueOf(request) + 7 * DAY
      t.match(parked, { state: 'parked', reason: 'quarantined', dueAt: until, code: null })
      t.match(parked.attempts.at(-1), { cause: 'quarantined' })
      t.same(
        parked.history.slice(-2).map(({ event }) => event),
        ['deadline-passed', 'parked']
      )
    })
  }
  t.test('retries where it was of an earlier attempt', async (t) => {
    t.match(silentButKept(awaiting(2), 1), { state: 'retry-scheduled', reason: 'no-callback' })
    t.match(silentButKept(awaiting(3), 2), { state: 'failed', reason: 'no-callback' })
  })
  t.test('says that the answer could not be read where that was kept as well', async (t) => {
    t.equal(silentButKept(withKeptAnswer(awaiting()), 1).reason, 'unreadable-answer')
  })
})

t.test('a deadline behind an unreadable answer that was kept', async (t) => {
  t.test('parks as unreadable-answer', async (t) => {
    const request = withKeptAnswer(awaiting())
    const until = dueOf(request) + 7 * DAY
    const parked = { state: 'parked', reason: 'unreadable-answer', dueAt: until }
    t.match(silentButKept(request, null), parked)
  })
  t.test('retries where the answer was to an earlier attempt', async (t) => {
    const again = sent(silent(awaiting()))
    const [attempt, latest] = again.attempts
    if (attempt === undefined || latest === undefined) throw new Error('it was sent once')
    const attempts = [{ ...attempt, keptAnswer: true as const }, latest]
    t.match(silentButKept({ ...again, attempts }, null), { reason: 'no-callback' })
  })
})

t.test('what is quarantined', async (t) => {
  const parked = silentButKept(awaiting(), 1)
  const now = dueOf(awaiting()) + HOUR

  t.test('is delivered once a good callback comes', async (t) => {
    const good = fold(parked, [callback(1, result(), now)], now).request
    t.equal(good.state, 'delivered')
  })
  t.test('obeys an error that comes, for it is Khipu’s own word', async (t) => {
    t.match(calledBack(parked, error('DO_NOT_RETRY'), now), { reason: 'do-not-retry' })
  })
  t.test('is sent again where somebody says so, with the mark still there', async (t) => {
    for (const again of [retryNow(parked, 'ann', now), release(parked, now, 'erp', now)]) {
      const sending = begin(again, now, { keptAttempt: 1 })
      t.match(sending, { state: 'sending', attempts: { length: 2 } })
      t.equal(silentButKept(sending, 1).reason, 'no-callback', 'the mark is of the first attempt')
      const late = callback(1, error('DO_NOT_RETRY'), now)
      const { kept } = fold(sending, [late], now)
      t.same([...kept.values()], ['late'])
    }
  })
  t.test('is let go at once where the notification came in the very instant', async (t) => {
    const request = awaiting()
    const notifications = [notification(dueOf(request))]
    const context = at(dueOf(request), { keptAttempt: 1, notifications })
    t.match(applyDeadline(request, context), { state: 'retry-scheduled', reason: 'quarantined' })
  })
})

t.test('a callback that is refused behind the deadline, before the retry is sent', async (t) => {
  const waits = silent(awaiting())
  const now = dueOf(waits)
  const retry = (request: Request, keptAttempt: number | null) =>
    begin(request, dueOf(request), { keptAttempt })

  t.test('parks the request instead', async (t) => {
    const parked = retry(waits, 1)
    t.match(parked, {
      state: 'parked',
      reason: 'quarantined',
      attempts: [{ cause: 'quarantined' }]
    })
    t.equal(retry(retryNow(parked, 'ann', now), 1).state, 'sending', 'once somebody has looked')
  })
  t.test('parks nothing where it was of another attempt, or of another failure', async (t) => {
    t.equal(retry(waits, null).state, 'sending')
    t.equal(retry(silent(awaiting(2)), 1).state, 'sending')
    t.equal(retry(calledBack(awaiting(), error('RETRY_IMMEDIATELY'), now), 1).state, 'sending')
  })
})
