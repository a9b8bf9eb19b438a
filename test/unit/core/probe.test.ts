import t from 'tap'
import type { Callback } from '../../../src/core/transitions/on-callback.ts'
import type { DecisionContext } from '../../../src/core/decide.ts'
import { jobsOf } from '../../../src/core/required-jobs.ts'
import { verdictOnCredentials } from '../../../src/core/bank-credentials.ts'
import { retryNow } from '../../../src/core/transitions/on-operator.ts'
import { waitsForProbe } from '../../../src/core/probe.ts'
import { type Request } from '../../../src/core/request.ts'
import {
  acknowledged,
  answered,
  awaiting,
  callback,
  calledBack,
  error,
  HOUR,
  ID,
  lastEvent,
  MINUTE,
  notification,
  queued,
  result,
  SECOND,
  sent,
  silent,
  START,
  temporary
} from '../../helpers/given.ts'
import { begin as beginAt, REFUSED as refused } from '../../helpers/steps.ts'

const REFUSED_AT = refused.at
const NOW = START + HOUR
const begin = (request: Request, context: Partial<DecisionContext>, now = NOW) =>
  beginAt(request, now, { refused, ...context })
const notified = { notifications: [notification(REFUSED_AT)] }

t.test('a request that somebody allowed tries refused credentials as the probe', async (t) => {
  const permits: [who: string, request: Request, context: Partial<DecisionContext>][] = [
    ['a notification', queued(), notified],
    ['an operator', retryNow(begin(queued(), {}), 'ann', NOW), {}],
    ['the request that was refused', queued(), { refused: { ...refused, requestId: ID } }]
  ]
  for (const [who, request, context] of permits) {
    t.match(begin(request, context), { state: 'sending', attempts: [{ isProbe: true }] }, who)
  }
  const free = beginAt(queued(), NOW)
  t.notOk(free.attempts[0]?.isProbe, 'where nothing was refused there is no probe')
  const before = { ...queued(), releasedAt: REFUSED_AT - 1 }
  t.match(begin(before, {}), { state: 'parked', reason: 'credentials' }, 'a word of before is void')
})

t.test('while a probe is out', async (t) => {
  const probeUntil = NOW + 10 * MINUTE
  const waiting = begin(queued(), { ...notified, probeUntil })
  t.test('the others wait visibly until its deadline', async (t) => {
    t.match(waiting, { state: 'queued', reason: 'logon-probe', dueAt: probeUntil, attempts: [] })
    t.strictSame(lastEvent(waiting), { at: NOW, event: 'logon-probe' })
    t.match(jobsOf(waiting), [{ type: 'paced', at: probeUntil }])
    t.ok(waitsForProbe(waiting))
  })
  t.test('one that was sent before is retry-scheduled', async (t) => {
    const failed = calledBack(
      answered(sent(queued()), acknowledged(), START),
      error('RETRY_IMMEDIATELY'),
      NOW
    )
    t.match(begin(failed, { ...notified, probeUntil }), {
      state: 'retry-scheduled',
      reason: 'logon-probe'
    })
  })
  t.test('one that was released before it was ever sent is queued', async (t) => {
    const released = retryNow(begin(queued(), {}), 'ann', NOW)
    t.match(begin(released, { probeUntil }), { state: 'queued', reason: 'logon-probe' })
  })
  t.test('they say so once, and look again after a second at the least', async (t) => {
    const again = begin(waiting, { ...notified, probeUntil: NOW }, NOW + MINUTE)
    t.match(again, { reason: 'logon-probe', dueAt: NOW + MINUTE + SECOND })
    t.equal(again.history.length, waiting.history.length)
  })
  t.test('one that is promoted goes before its instant', async (t) => {
    t.match(begin(waiting, notified, NOW + 1), { state: 'sending' })
  })
  t.test('one that nobody allowed parks at once', async (t) => {
    t.match(begin(queued(), { probeUntil }), { state: 'parked', reason: 'credentials' })
  })
})

t.test('each word is good for as many probes as the policy says', async (t) => {
  const probedAt = [REFUSED_AT + 1, REFUSED_AT + 2]
  const spent = { refused: { ...refused, probedAt } }
  t.equal(
    begin(queued(), { refused: { ...refused, probedAt: [REFUSED_AT + 1] }, ...notified }).state,
    'sending'
  )
  t.match(begin(queued(), { ...spent, ...notified }), { state: 'parked', reason: 'credentials' })
  const again = { notifications: [notification(REFUSED_AT), notification(REFUSED_AT + 2)] }
  t.equal(begin(queued(), { ...spent, ...again }).state, 'sending', 'a later word counts anew')
})

t.test('a probe that proves nothing is remembered by the instant at which it began', async (t) => {
  const probe = begin(queued(), notified)
  const on = answered(probe, acknowledged(), NOW + SECOND)
  const expected = { type: 'unproven', logon: 'logon-1', refused: { ...refused, probedAt: [NOW] } }
  const ends: [how: string, before: Request, after: Request][] = [
    ['no callback', on, silent(on)],
    ['an answer that says nothing of it', probe, answered(probe, temporary(), NOW + SECOND)],
    ['another error', on, calledBack(on, error('RETRY_IMMEDIATELY'), NOW + MINUTE)]
  ]
  for (const [how, before, after] of ends) {
    t.strictSame(verdictOnCredentials(before, after, [], refused), expected, how)
  }
  t.equal(verdictOnCredentials(probe, on, [], refused), null, 'not while it is on its way')
  const again = begin(silent(on), notified, NOW + 2 * HOUR)
  t.same(
    verdictOnCredentials(on, again, [], refused)?.type,
    'unproven',
    'though it is sent again at once'
  )
  const others: Request = {
    ...on,
    account: { id: 'account-1', credentials: 'logon-2', endsWith: '' }
  }
  t.equal(
    verdictOnCredentials(others, silent(others), [], refused),
    null,
    'nor of other credentials'
  )
  const many = { ...refused, probedAt: Array.from({ length: 100 }, (_, index) => index) }
  const verdict = verdictOnCredentials(on, silent(on), [], many)
  t.equal(verdict?.type === 'unproven' && verdict.refused.probedAt?.length, 100, 'it is bounded')
})

t.test('nothing is said of credentials', async (t) => {
  const on = answered(begin(queued(), notified), acknowledged(), NOW + SECOND)
  const { logon: _, ...attempt } = {
    ...on.attempts[0],
    number: 1,
    sendingAt: NOW,
    dueAt: NOW,
    cause: null
  }
  const without: Request = { ...on, attempts: [attempt] }
  const withCode = (code: string | null) => callback(1, error('DO_NOT_RETRY', { code }), NOW)
  const rows: [where: string, before: Request, received: readonly Callback[]][] = [
    ['that the request has not, by a refusal', without, [withCode('E101')]],
    ['that the request has not, by an E3xx', without, [withCode('E301')]],
    ['that the request has not, by a result', without, [callback(1, result(), NOW)]],
    ['by an attempt that is not known', on, [callback(9, result(), NOW)]],
    ['by an error without a code', awaiting(), [withCode(null)]]
  ]
  for (const [where, before, received] of rows) {
    t.equal(verdictOnCredentials(before, before, received), null, where)
  }
  const ordinary = awaiting()
  t.equal(
    verdictOnCredentials(ordinary, silent(ordinary), [], refused),
    null,
    'by what was no probe'
  )
  t.equal(
    verdictOnCredentials({ ...on, attempts: [] }, on, [], refused),
    null,
    'before any attempt'
  )
  t.equal(
    verdictOnCredentials(silent(on), silent(on), [], refused),
    null,
    'by a probe that had ended'
  )
})
