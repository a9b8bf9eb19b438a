import t from 'tap'
import type { Outcome } from '../../../src/core/envelope.ts'
import { release, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { BUILT_IN_POLICY, type Policy } from '../../../src/core/policy.ts'
import type { Request } from '../../../src/core/request.ts'
import { isUsedUp } from '../../../src/core/send-limits.ts'
import {
  answered,
  awaiting,
  callback,
  calledBack,
  DAY,
  error,
  failedFor,
  HOUR,
  IN_STATE,
  MINUTE,
  queued,
  sent,
  silent,
  START,
  temporary
} from '../../helpers/given.ts'
import { withRow } from '../../helpers/rules.ts'
import { begin, fold } from '../../helpers/steps.ts'

const NOW = START + HOUR
const EXHAUSTED = { state: 'failed', reason: 'retries-exhausted', dueAt: null }
const TYPES = [
  'RETRY_IMMEDIATELY',
  'WAIT_4_HOURS_BEFORE_RETRY',
  'RETRY_AFTER_NOTIFICATION',
  'RETRY_TOMORROW',
  null
] as const

/** Sent again, whatever it waits for. */
function sentAgain(request: Request): Request {
  return sent(retryNow(request, 'ann', request.dueAt ?? START))
}

function refusedWith(request: Request, type: string | null, code = 'E101'): Request {
  return calledBack(request, error(type, { code }), NOW, `${type}${request.attempts.length}`)
}

const first: [type: string | null, state: string, reason: string, dueAt: number][] = [
  ['RETRY_IMMEDIATELY', 'retry-scheduled', 'refused-logon', NOW],
  ['WAIT_4_HOURS_BEFORE_RETRY', 'retry-scheduled', 'wait-4-hours', NOW + 4 * HOUR],
  ['RETRY_AFTER_NOTIFICATION', 'parked', 'retry-after-notification', NOW + 7 * DAY],
  ['RETRY_TOMORROW', 'parked', 'unknown-type', NOW + 7 * DAY],
  [null, 'parked', 'credentials', NOW + 7 * DAY]
]
for (const [type, state, reason, dueAt] of first) {
  t.test(`the first refused log-on with Type ${type}: ${state} ${reason}`, async (t) => {
    for (const code of ['E101', 'e101', ' E101 ', '101']) {
      const request = refusedWith(awaiting(), type, code)
      t.match(request, { state, reason, dueAt, code, attempts: [{ refusedLogon: true }] })
    }
  })
}

for (const before of TYPES) {
  for (const now of TYPES) {
    t.test(`after a refused log-on with ${before}, one with ${now} is the last`, async (t) => {
      const again = sentAgain(refusedWith(awaiting(), before))
      t.match(refusedWith(again, now), { ...EXHAUSTED, attempts: [{}, { refusedLogon: true }] })
    })
  }
}

t.test('refused log-ons are counted over whatever came between them', async (t) => {
  let request = sentAgain(refusedWith(awaiting(), 'WAIT_4_HOURS_BEFORE_RETRY'))
  request = sentAgain(calledBack(request, error('RETRY_IMMEDIATELY'), NOW))
  request = sentAgain(answered(request, temporary(), NOW))
  t.match(refusedWith(request, 'RETRY_IMMEDIATELY'), { ...EXHAUSTED, attempts: { length: 4 } })
})

t.test('DO_NOT_RETRY fails as such, first or second', async (t) => {
  const failed = { state: 'failed', reason: 'do-not-retry' }
  t.match(refusedWith(awaiting(), 'DO_NOT_RETRY'), failed)
  t.match(refusedWith(sentAgain(refusedWith(awaiting(), null)), 'DO_NOT_RETRY'), failed)
})

t.test('a refused log-on in an answer of any HTTP status counts', async (t) => {
  for (const httpStatus of [200, 401, 403, 404, 500, 503]) {
    const outcome = error(null, { code: 'E101' })
    const refuse = (request: Request) => {
      const answer = callback(request.attempts.length, outcome, NOW, { httpStatus })
      return fold(request, [answer], NOW).request
    }
    const once = refuse(IN_STATE.sending)
    t.match(once, { state: 'parked', reason: 'credentials' }, `HTTP ${httpStatus}`)
    t.match(refuse(sentAgain(once)), EXHAUSTED)
  }
})

t.test('the policy says how many log-ons there are', async (t) => {
  const withRetries = (maxRetries: number) => withRow('refused-logon', { maxRetries })
  const refuse = (request: Request, policy: Policy) => {
    const outcome: Outcome = error('WAIT_4_HOURS_BEFORE_RETRY', { code: 'E101' })
    const { length } = request.attempts
    return fold(request, [callback(length, outcome, NOW)], NOW, { policy }).request
  }
  t.match(refuse(awaiting(), withRetries(0)), EXHAUSTED)
  const twice = refuse(sentAgain(refuse(awaiting(), withRetries(2))), withRetries(2))
  t.equal(twice.state, 'retry-scheduled')
  t.match(refuse(sentAgain(twice), withRetries(2)), EXHAUSTED)
})

t.test('a refused log-on that is told late', async (t) => {
  const late = (request: Request, attempt = 1) => {
    const refusal = callback(attempt, error(null, { code: 'E101' }), NOW, { hash: 'late' })
    return fold(request, [refusal], NOW).request
  }
  t.test('counts for the attempt that is under way', async (t) => {
    const marked = late(awaiting(2))
    t.match(marked, { state: 'awaiting-callback', attempts: [{ refusedLogon: true }, {}] })
    t.match(refusedWith(marked, 'RETRY_IMMEDIATELY'), EXHAUSTED)
  })
  t.test('keeps a retry from being sent that would be the third log-on', async (t) => {
    const waits = late(refusedWith(awaiting(2), 'RETRY_IMMEDIATELY'))
    t.equal(waits.state, 'retry-scheduled')
    t.match(sent(waits), { ...EXHAUSTED, attempts: { length: 2 } })
  })
  t.test('counts once for one attempt', async (t) => {
    const once = refusedWith(awaiting(), 'RETRY_IMMEDIATELY')
    const again = late(once)
    t.match(again, { state: 'retry-scheduled', attempts: [{ refusedLogon: true }] })
    t.equal(sent(again).state, 'sending')
  })
  t.test('of an attempt that nobody knows changes nothing but the history', async (t) => {
    t.same(late(awaiting(), 7).attempts, awaiting().attempts)
  })
})

t.test('a released request whose log-ons are used up fails before it is sent', async (t) => {
  const attempts = failedFor(['credentials', 'credentials']).attempts
  const marked = attempts.map((attempt) => ({ ...attempt, refusedLogon: true as const }))
  const parked = { ...refusedWith(awaiting(), null), attempts: marked }
  t.ok(isUsedUp(parked, BUILT_IN_POLICY))
  const released = release(parked, NOW, 'notification', NOW)
  t.match(sent(released), { ...EXHAUSTED, attempts: { length: 2 } })
})

t.test('documents of before the mark tell a refused log-on by its cause', async (t) => {
  const old = failedFor(['refused-logon', 'refused-logon'], IN_STATE.parked)
  t.ok(isUsedUp(failedFor(['refused-logon', 'refused-logon']), BUILT_IN_POLICY))
  t.notOk(isUsedUp(failedFor(['refused-logon', 'temporary']), BUILT_IN_POLICY))
  t.equal(old.state, 'parked')
})

t.test('maxAttempts', async (t) => {
  const policy = { ...BUILT_IN_POLICY, maxAttempts: 3 }
  const next = (request: Request) => begin(request, request.dueAt ?? NOW, { policy })
  const waiting = (attempts: number): Request => ({
    ...IN_STATE['retry-scheduled'],
    attempts: failedFor(Array.from({ length: attempts }, () => 'temporary' as const)).attempts
  })

  t.test('is checked before each send', async (t) => {
    t.equal(next(waiting(2)).state, 'sending')
    t.match(next(waiting(3)), { ...EXHAUSTED, attempts: { length: 3 } })
    t.match(next(waiting(4)), EXHAUSTED)
    t.equal(next(queued()).state, 'sending')
  })
  t.test('counts over all causes, and fails at once where nothing more can be sent', async (t) => {
    let request = next(queued())
    request = next(calledBack(request, error('RETRY_IMMEDIATELY'), NOW))
    request = next(answered(request, temporary(), NOW))
    t.equal(request.attempts.length, 3)
    const error3 = callback(3, error('WAIT_4_HOURS_BEFORE_RETRY'), NOW)
    t.match(fold(request, [error3], NOW, { policy }).request, EXHAUSTED)
  })
  t.test('lets a request park, which no retry and no notification releases', async (t) => {
    const request = { ...waiting(3), state: 'awaiting-callback' as const, response: null }
    const outcome = error('RETRY_AFTER_NOTIFICATION')
    const attempts = request.attempts.map((one) => ({ ...one, cause: null }))
    const received = callback(3, outcome, NOW)
    const parked = fold({ ...request, attempts }, [received], NOW, { policy }).request
    t.match(parked, { state: 'parked', reason: 'retry-after-notification' })
    t.ok(isUsedUp(parked, policy))
    t.notOk(isUsedUp(parked, BUILT_IN_POLICY))
  })
  t.test('a silence that can only be paid for again fails as retries-exhausted', async (t) => {
    const policy = { ...BUILT_IN_POLICY, maxAttempts: 1 }
    t.equal(silent(awaiting()).state, 'retry-scheduled')
    t.match(begin(silent(awaiting()), NOW + MINUTE, { policy }), EXHAUSTED)
  })
})
