import t from 'tap'
import { newsOf } from '../../../src/core/operations/canary.ts'
import { actOn, fateOf, isDoneBy, isOnEntries } from '../../../src/core/operations/members.ts'
import {
  defaultCanary,
  operationOfNotification,
  selectionOfNotification
} from '../../../src/core/operations/of-notification.ts'
import {
  type Canary,
  type Lane,
  newCanary,
  newLane,
  NO_CANARY,
  type Operation,
  sends,
  shownState,
  totalsOf
} from '../../../src/core/operations/operation.ts'
import { outcomeOf } from '../../../src/core/operations/outcome.ts'
import {
  begin,
  type Look,
  MOST_TRIES,
  record,
  roomIn
} from '../../../src/core/operations/progress.ts'
import { continueHeld, hear, settle, stop } from '../../../src/core/operations/steer.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import type { HistoryEvent, Request } from '../../../src/core/request.ts'
import { applyFailure } from '../../../src/core/transitions/apply-decision.ts'
import type { Cause } from '../../../src/core/error-cause.ts'
import {
  at,
  awaiting,
  failedFor,
  HOUR,
  IN_STATE,
  queued,
  SERVICE,
  START
} from '../../helpers/given.ts'

const OP = 'op_1'
const LATER = START + HOUR
const ANY = { at: LATER, service: null, code: null, reason: null, requestIds: null }
const policy = BUILT_IN_POLICY

function operationOf(lanes: readonly Lane[], more: Partial<Operation> = {}): Operation {
  return { ...operationOfNotification(OP, ANY, lanes), ...more }
}

function laneOf(more: Partial<Lane> = {}): Lane {
  return { ...newLane({ bank: null, part: 0, at: LATER, matched: 9 }), ...more }
}

function parkedFor(cause: Cause, code: string | null = null): Request {
  const failure = { cause, code, receivedAt: START, retryAfterMs: null }
  return applyFailure(awaiting(), failure, at(START))
}

function lookOf(ids: readonly string[], more: Partial<Look> = {}): Look {
  const taken = ids.map((id) => ({ id, bank: 'a', cause: 'unauthorized', credentials: null }))
  const behind = ids.at(-1) ?? null
  return { taken, refused: 0, passedOver: [], behind, isRead: false, paceUntil: 0, ...more }
}

// What a canary tells, by the events after its release.

const released = { at: LATER, event: 'released', by: 'ana', operation: OP }
const event = (name: string, more: object = {}): HistoryEvent => ({
  at: LATER,
  event: name,
  ...more
})
const parked = (cause: string, code: string | null = null) => event('parked', { cause, code })
const failed = (cause: string, code: unknown) => event('failed', { cause, code, reason: cause })
const retry = (cause: string, code: string | null = null) =>
  event('retry-scheduled', { cause, code })

const OF_BANK: readonly [what: string, events: readonly HistoryEvent[], tells: string][] = [
  ['nothing yet', [event('sending'), event('acknowledged')], 'open'],
  ['a result', [event('callback'), event('delivered')], 'goes'],
  ['E3xx', [failed('do-not-retry', 'E301')], 'goes'],
  ['E4xx', [failed('do-not-retry', ' e404')], 'goes'],
  ['E4xx as a number', [failed('do-not-retry', 404)], 'goes'],
  ['E1xx', [failed('do-not-retry', 'E101')], 'goes'],
  ['E1xx, parked for the same cause', [parked('retry-after-notification', 'E101')], 'goes'],
  ['E3xx, parked for the same cause', [parked('retry-after-notification', 'E301')], 'held'],
  ['the same cause', [parked('retry-after-notification')], 'held'],
  ['another cause', [parked('unknown-type')], 'held'],
  ['E2xx', [failed('do-not-retry', 'E201')], 'held'],
  ['E2xx, though it is sent again soon', [retry('retry-immediately', 'E201')], 'held'],
  ['WAIT_4_HOURS, whatever the code', [retry('wait-4-hours', 'E301')], 'held'],
  ['401', [event('answered'), parked('unauthorized')], 'held'],
  ['A000', [parked('unauthorized', 'A000')], 'held'],
  ['a rejection without a code', [failed('rejected', null)], 'held'],
  ['no answer by its deadline', [event('deadline-passed'), retry('no-callback')], 'held'],
  ['no answer, of an older build', [retry('no-callback')], 'held'],
  ['nothing yet, for it is sent again soon', [retry('temporary')], 'open'],
  ['a result at last', [retry('temporary'), event('sending'), event('delivered')], 'goes'],
  ['nothing, for it was cancelled', [event('cancelled')], 'another']
]

const BANK: Canary = { ...newCanary('a'), requestId: 'r', cause: 'retry-after-notification' }

for (const [what, events, tells] of OF_BANK) {
  t.test(`the canary of a bank that brings ${what}: ${tells}`, async (t) => {
    const request = { ...queued(), history: [event('accepted'), released, ...events] }
    const news = newsOf(BANK, request, OP)
    t.equal(news.type, tells)
    if (news.type === 'held') t.equal(news.because.requestId, request.requestId)
  })
}

const OF_CREDENTIALS: readonly [what: string, events: readonly HistoryEvent[], tells: string][] = [
  ['nothing yet', [event('sending')], 'open'],
  ['a result', [event('delivered')], 'goes'],
  ['E3xx', [failed('do-not-retry', 'E301')], 'goes'],
  ['E1xx', [parked('credentials', 'E101')], 'held'],
  ['E1xx, to be tried again', [retry('refused-logon', 'E101')], 'held'],
  ['what proves nothing', [retry('temporary')], 'another'],
  ['no answer', [event('deadline-passed')], 'another'],
  ['nothing, for it was cancelled', [event('cancelled')], 'another']
]

for (const [what, events, tells] of OF_CREDENTIALS) {
  t.test(`the canary of bank credentials that brings ${what}: ${tells}`, async (t) => {
    const request = { ...queued(), history: [released, ...events] }
    t.equal(newsOf({ ...BANK, credentials: 'c' }, request, OP).type, tells)
  })
}

t.test('a canary that was not released yet tells nothing, one that is gone another', async (t) => {
  t.equal(newsOf(BANK, queued(), OP).type, 'open')
  t.equal(newsOf(BANK, null, OP).type, 'another')
})

t.test('what holds requests is told with its reason and code', async (t) => {
  const held = (one: HistoryEvent) =>
    newsOf(BANK, { ...queued(), reason: 'ambiguous', history: [released, one] }, OP)
  t.match(held(parked('unauthorized', 'A000')), {
    because: { reason: 'unauthorized', code: 'A000' }
  })
  t.match(held(event('failed', { reason: 'expired' })), {
    because: { reason: 'expired', code: null }
  })
  t.match(held(event('deadline-passed')), { because: { reason: 'ambiguous' } })
})

// What is taken.

const release = operationOf([])
const lane = laneOf()

t.test('a request is taken, refused or passed over', async (t) => {
  const own = parkedFor('unauthorized', 'A000')
  const fate = (request: Request, operation: Partial<Operation> = {}, more: Partial<Lane> = {}) =>
    fateOf({ ...release, ...operation }, { ...lane, ...more }, request, policy)
  const selection = (more: object) => ({ selection: { ...release.selection, ...more } })
  t.equal(fate(own), 'taken')
  t.equal(fate(own, {}, { bank: 'btgpactual.cl' }), 'taken')
  t.equal(fate(own, {}, { bank: 'itau.cl' }), 'passed')
  t.equal(fate(own, {}, { at: START - 1 }), 'passed', 'parked later')
  t.equal(fate(own, selection({ code: 'A000' })), 'taken')
  t.equal(fate(own, selection({ code: 'a000' })), 'passed')
  t.equal(fate(own, selection({ ids: [own.requestId] })), 'taken')
  t.equal(fate(own, selection({ ids: ['another'] })), 'passed')
  t.equal(fate(queued()), 'passed')
  t.equal(fate({ ...own, history: [...own.history, released] }), 'done')
  const spent = {
    ...own,
    attempts: failedFor(Array<Cause>(policy.maxAttempts).fill('temporary')).attempts
  }
  t.equal(fate(spent), 'refused')
  const every = { groups: { ...release.selection.groups, state: null } }
  t.equal(fate(spent, { action: 'cancel', ...selection(every) }), 'taken')
  t.equal(fate(IN_STATE.failed, { action: 'cancel', ...selection(every) }), 'passed')
  const waits = { ...IN_STATE['retry-scheduled'], reason: 'wait-4-hours' as const }
  t.equal(fate(waits, { action: 'retry', ...selection(every) }), 'refused')
  t.equal(fate(waits, { action: 'retry', early: true, ...selection(every) }), 'taken')
  t.equal(fate({ ...queued(), history: [] }, { action: 'cancel', ...selection(every) }), 'taken')
  for (const action of ['accept', 'discard'] as const) {
    t.equal(fate(own, { action }), 'passed')
    t.ok(isOnEntries({ action }))
  }
  t.notOk(isOnEntries({ action: 'release' }))
})

t.test(
  'an action names its operation, and permits refused credentials from its instant',
  async (t) => {
    const own = parkedFor('credentials', 'E101')
    const clock = { at: LATER + 500, now: LATER + 9, policy }
    const next = actOn(release, lane, own, clock)
    t.match(next, { state: 'retry-scheduled', dueAt: LATER + 500, paced: true, releasedAt: LATER })
    t.match(next.history.at(-1), { event: 'released', by: 'notification', operation: OP })
    t.ok(isDoneBy(OP, next))
    t.equal(actOn(release, lane, next, clock), next)
    const cancelled = actOn({ ...release, action: 'cancel' }, lane, own, clock)
    t.match(cancelled.history.at(-1), { event: 'cancelled', operation: OP })
  }
)

t.test('a retry in bulk waits for Khipu’s four hours unless it is early', async (t) => {
  const own = parkedFor('unauthorized')
  const notBefore = LATER + HOUR
  const held = { ...own, parked: { at: START, cause: 'authorization-expired' as const, notBefore } }
  const retried = (request: Request, early: boolean) =>
    actOn({ ...release, action: 'retry', early }, lane, request, { at: LATER, now: LATER, policy })
  t.match(retried(held, false), { dueAt: notBefore, paced: true })
  t.match(retried(held, true), { dueAt: LATER })
  t.match(retried(own, false), { dueAt: LATER })
  t.match(retried(own, false).history.at(-1), { event: 'retry-requested', operation: OP })
})

t.test('a notification is a selection of parked requests', async (t) => {
  const groups = { state: ['parked'], reason: null, code: null, service: null, bank: null }
  t.match(selectionOfNotification(ANY), { groups, code: null, ids: null })
  t.match(
    selectionOfNotification({ ...ANY, code: 'E201', service: SERVICE, reason: 'unauthorized' }),
    {
      groups: { code: ['E201'], service: [SERVICE], reason: ['unauthorized'] },
      code: null
    }
  )
  t.match(selectionOfNotification({ ...ANY, code: 'e201' }), {
    groups: { code: ['other'] },
    code: 'e201'
  })
  t.match(selectionOfNotification({ ...ANY, requestIds: ['b', 'a'] }), { ids: ['a', 'b'] })
  t.equal(operationOfNotification(OP, { ...ANY, by: 'ana' }, []).by, 'ana')
})

t.test(
  'one of each bank goes first, unless the reasons are those of single requests',
  async (t) => {
    const of = (reason: readonly string[] | null) =>
      defaultCanary({ groups: { ...release.selection.groups, reason } })
    t.equal(of(null), 'bank')
    t.equal(of(['credentials', 'unauthorized']), 'bank')
    t.equal(of(['credentials', 'quarantined']), 'none')
  }
)

// How far an operation is.

t.test('a lane begins what was found, and records what became of it', async (t) => {
  const own = laneOf()
  const begun = begin(
    operationOf([own]),
    own,
    lookOf(['a', 'b', 'c'], { refused: 1, paceUntil: 7 })
  )
  t.match(begun.lanes, [{ pending: ['a', 'b', 'c'], behind: 'c', refused: 1, paceUntil: 7 }])
  t.equal(begin(begun, own, lookOf(['d'])), begun, 'the lane has gone on')
  t.equal(begin(begun, { ...own, part: 1 }, lookOf(['d'])), begun, 'there is no such lane')
  const stopped = stop(operationOf([own]))
  t.equal(begin(stopped, own, lookOf(['a'])), stopped)
  const [lane0] = begun.lanes
  if (lane0 === undefined) throw new Error('it has a lane')
  const tried = record(begun, lane0, { done: ['a'], refused: ['b'], failed: ['c'] })
  t.match(tried.lanes, [{ pending: ['c'], done: 1, refused: 2, tries: 1 }])
  t.equal(record(tried, lane0, { done: ['a'], refused: [], failed: [] }), tried, 'only once')
  let last = tried
  for (let count = 1; count < MOST_TRIES; count += 1) {
    last = record(last, last.lanes[0] ?? own, { done: [], refused: [], failed: ['c'] })
  }
  t.match(last.lanes, [{ pending: [], done: 1, refused: 3, tries: 0 }])
})

t.test('a lane has room while it runs, within its limit and its pace', async (t) => {
  const room = (more: Partial<Lane>, operation: Partial<Operation> = {}) => {
    const own = laneOf(more)
    return roomIn(
      operationOf([own, laneOf({ part: 1, done: 2, pending: ['x'] })], operation),
      own,
      0
    )
  }
  t.equal(room({}), Infinity)
  t.equal(room({}, { limit: 5 }), 2)
  t.equal(room({}, { limit: 2 }), 0)
  t.equal(room({ pending: ['a'] }), 0)
  t.equal(room({ isRead: true }), 0)
  t.equal(room({ paceUntil: 2_501 }), 0)
  t.equal(room({ paceUntil: 2_500 }), Infinity)
  t.equal(room({}, { state: 'stopping' }), 0)
})

t.test('one of a bank begins, in the first lane that has any', async (t) => {
  const lanes = [
    laneOf({ bank: 'a', isRead: true }),
    laneOf({ bank: 'a', part: 1 }),
    laneOf({ bank: 'a', part: 2 })
  ]
  const rooms = (canary: Partial<Canary>, limit: number | null = null) => {
    const operation = operationOf(lanes, { canaries: [{ ...newCanary('a'), ...canary }], limit })
    return lanes.map((one) => roomIn(operation, one, 0))
  }
  t.same(rooms({}), [0, 1, 0])
  t.same(rooms({}, 0), [0, 0, 0])
  t.same(rooms({ requestId: 'r' }), [0, 0, 0])
  t.same(rooms({ requestId: 'r', verdict: 'held' }), [0, 0, 0])
  t.same(rooms({ requestId: 'r', verdict: 'goes' }), [0, Infinity, Infinity])
})

t.test('the first that begins is the canary, until it turns out to be none', async (t) => {
  const own = laneOf({ bank: 'a', part: 1 })
  const operation = operationOf([own], { canaries: [newCanary('b'), newCanary('a')] })
  const begun = begin(operation, own, lookOf(['r']))
  t.match(begun.canaries, [{ requestId: null }, { requestId: 'r', cause: 'unauthorized', part: 1 }])
  const [lane1] = begun.lanes
  if (lane1 === undefined) throw new Error('it has a lane')
  const refused = record(begun, lane1, { done: [], refused: ['r'], failed: [] })
  t.match(refused.canaries, [{}, { requestId: null, cause: null }])
  const done = record(begun, lane1, { done: ['r'], refused: [], failed: [] })
  t.equal(shownState(done), 'canary')
  t.equal(hear(done, 'r', { type: 'open' }), done)
  t.match(hear(done, 'r', { type: 'another' }).canaries, [{}, { requestId: null, verdict: null }])
  const goes = hear(done, 'r', { type: 'goes' })
  t.match(goes.canaries, [{ verdict: null }, { verdict: 'goes', because: null }])
  t.equal(shownState(goes), 'running')
  t.match(hear(goes, 'r', { type: 'another' }).canaries, [{}, { verdict: 'goes' }], 'it has spoken')
  t.same(begin(operation, own, lookOf([])).canaries, operation.canaries)
})

const chosen = (id: string, credentials: string) => ({
  id,
  bank: 'a',
  cause: 'credentials',
  credentials
})

t.test(
  'bank credentials have a canary each, and those that are held are passed over',
  async (t) => {
    const own = laneOf()
    const taken = [chosen('r1', 'c'), chosen('r2', 'c'), chosen('r3', 'd')]
    const begun = begin(operationOf([own]), own, lookOf([], { taken, behind: 'r3' }))
    t.match(begun.canaries, [
      { bank: 'a', credentials: 'c', requestId: 'r1' },
      { credentials: 'd', requestId: 'r3' }
    ])
    const because = { requestId: 'r1', reason: 'credentials', code: 'E101' }
    const heard = hear(hear(begun, 'r1', { type: 'held', because }), 'r3', { type: 'another' })
    const next = laneOf({ part: 1, matched: 3 })
    const both = { ...heard, lanes: [laneOf({ matched: 3, done: 3, isRead: true }), next] }
    const look = lookOf([], {
      taken: [chosen('r6', 'd')],
      passedOver: ['c', 'c'],
      behind: 'r6',
      isRead: true
    })
    const looked = begin(both, next, look)
    t.match(looked.canaries, [{ passedOver: 2 }, { requestId: 'r6', part: 1, passedOver: 0 }])
    const done = record(looked, looked.lanes[1] ?? own, { done: ['r6'], refused: [], failed: [] })
    t.match(totalsOf(done), {
      matched: 6,
      done: 4,
      skipped: 0,
      held: [{ bank: 'a', credentials: 'c', requests: 2, because }]
    })
    t.equal(continueHeld(done, { bank: 'a' }), done, 'the bank is not held')
    const again = continueHeld(settle(done, 5), { credentials: 'c' })
    t.match(again, {
      state: 'running',
      endedAt: null,
      lanes: [{ behind: null, isRead: false }, { isRead: false }]
    })
    t.match(again.canaries, [{ verdict: 'goes', passedOver: 0 }, { verdict: null }])
  }
)

t.test('an operation ends once nothing is left that it may do', async (t) => {
  const over = laneOf({ isRead: true, done: 7, refused: 1 })
  t.match(settle(operationOf([over]), 5), { state: 'done', endedAt: 5 })
  t.match(totalsOf(operationOf([over])), { matched: 9, done: 7, refused: 1, skipped: 1, held: [] })
  const ended = settle(operationOf([]), 5)
  t.equal(settle(ended, 6), ended)
  t.match(settle(operationOf([laneOf()]), 5), { state: 'running' })
  t.match(settle(operationOf([laneOf({ done: 2 })], { limit: 2 }), 5), { state: 'done' })
  t.match(settle(operationOf([laneOf({ done: 2, pending: ['x'] })], { limit: 2 }), 5), {
    state: 'running'
  })
  const held = { ...newCanary('a'), requestId: 'r', verdict: 'held' as const }
  const waits = operationOf([laneOf({ bank: 'a', done: 1 })], { canaries: [held] })
  t.match(settle(waits, 5), { state: 'done' })
  t.match(totalsOf(waits), { skipped: 0, held: [{ bank: 'a', requests: 8 }] })
})

t.test('a stop ends once the last place in the pace is over', async (t) => {
  const stopping = stop(operationOf([laneOf({ paceUntil: 9 }), laneOf({ part: 1 })]))
  t.equal(stopping.state, 'stopping')
  t.equal(stop(stopping), stopping)
  t.equal(settle(stopping, 8), stopping)
  t.match(settle(stopping, 9), { state: 'stopped', endedAt: 9 })
  t.match(settle(stop(operationOf([laneOf({ pending: ['x'] })])), 9), { state: 'stopping' })
  t.equal(continueHeld(stopping, { all: true }), stopping)
})

t.test('what is held goes on: of one bank, or all of it', async (t) => {
  const held = (bank: string) => ({ ...newCanary(bank), requestId: bank, verdict: 'held' as const })
  const operation = operationOf([laneOf({ bank: 'a', behind: 'r' }), laneOf({ bank: 'b' })], {
    canaries: [held('a'), held('b'), { ...NO_CANARY, bank: 'a', credentials: 'c' }]
  })
  t.match(continueHeld(operation, { bank: 'a' }), {
    lanes: [{ behind: 'r' }, {}],
    canaries: [{ verdict: 'goes' }, { verdict: 'held' }, { verdict: null }]
  })
  t.match(continueHeld(operation, { all: true }).canaries, [
    { verdict: 'goes' },
    { verdict: 'goes' },
    {}
  ])
  t.equal(continueHeld(operation, { bank: 'z' }), operation)
})

t.test('what became of a request is the first that happened after the operation', async (t) => {
  const outcome = (...events: readonly HistoryEvent[]) =>
    outcomeOf({ ...queued(), history: events }, OP)
  t.equal(outcome(event('delivered')), null)
  t.equal(outcome(parked('unauthorized'), released, event('sending')), null)
  t.equal(outcome(released, event('delivered')), 'delivered')
  t.equal(outcome(released, parked('unauthorized'), event('delivered')), 'parkedAgain')
  t.equal(outcome({ ...event('cancelled'), operation: OP }), 'failed')
  t.equal(outcome(released, failed('rejected', null)), 'failed')
})

t.test('releases and retries cost POSTs', async (t) => {
  t.same(
    (['release', 'retry', 'cancel', 'accept', 'discard'] as const).filter((action) =>
      sends({ action })
    ),
    ['release', 'retry']
  )
})
