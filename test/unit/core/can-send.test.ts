import t from 'tap'
import { waitsForAccount } from '../../../src/core/can-send.ts'
import { jobsOf } from '../../../src/core/required-jobs.ts'
import type { Callback } from '../../../src/core/transitions/on-callback.ts'
import { markPublished } from '../../../src/core/result-head.ts'
import { verdictOnCredentials } from '../../../src/core/bank-credentials.ts'
import { authorize, cancel, release, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import type { Request } from '../../../src/core/request.ts'
import {
  ACCOUNT,
  acknowledged,
  at,
  awaiting,
  callback,
  calledBack,
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
  SERVICE,
  silent,
  START,
  UNAUTHORIZED,
  answered
} from '../../helpers/given.ts'
import { begin as beginAt, fold, REFUSED as refused } from '../../helpers/steps.ts'

const NOW = START + MINUTE
const begin = (request: Request, context: Parameters<typeof at>[1], now = NOW) =>
  beginAt(request, now, context)
const withJwt = (request: Request, expiresAt: number | null): Request => ({
  ...request,
  authorization: { expiresAt }
})

t.test('a request whose account is busy', async (t) => {
  const until = NOW + 10 * MINUTE
  const waiting = begin(queued(), { busyUntil: until })

  t.test('waits, and says for what and until when at the latest', async (t) => {
    t.match(waiting, { state: 'queued', reason: 'account-busy', dueAt: until, attempts: [] })
    t.strictSame(lastEvent(waiting), { at: NOW, event: 'account-busy' })
    t.match(jobsOf(waiting), [{ type: 'send', at: until }])
    t.ok(waitsForAccount(waiting))
  })
  t.test('is sent before that instant, when its turn has come', async (t) => {
    const begun = begin(waiting, {}, NOW + SECOND)
    t.match(begun, { state: 'sending', reason: null, attempts: [{ number: 1 }] })
  })
  t.test('waits on without another word where its turn has not come', async (t) => {
    const again = begin(waiting, { busyUntil: until + HOUR }, NOW + SECOND)
    t.equal(again.dueAt, until + HOUR)
    t.strictSame(again.history, waiting.history)
  })
  t.test('looks again after a second, whatever was to be over by now', async (t) => {
    t.equal(begin(queued(), { busyUntil: NOW - HOUR }).dueAt, NOW + SECOND)
  })
  t.test('waits while its retry is due, too', async (t) => {
    const due = IN_STATE['retry-scheduled']
    const again = begin(due, { busyUntil: until }, due.dueAt ?? 0)
    t.match(again, { state: 'retry-scheduled', reason: 'account-busy', dueAt: until })
  })
  t.test('is not disturbed before it is due', async (t) => {
    const request = IN_STATE['retry-scheduled']
    t.equal(begin(request, { busyUntil: until }, (request.dueAt ?? 0) - 1), request)
  })
  t.test('can be cancelled', async (t) => {
    t.equal(cancel(waiting, 'ann', NOW).state, 'cancelled')
  })
  t.test('expires all the same', async (t) => {
    t.equal(begin(waiting, { busyUntil: until }, START + 3 * DAY + 1).reason, 'expired')
  })
})

t.test('after the bank has refused a log-on', async (t) => {
  const later: Request = { ...queued(), requestedAt: START + HOUR, dueAt: START + HOUR }
  const unknown = (request: Request): Request => ({
    ...request,
    account: { ...ACCOUNT, credentials: null }
  })
  const rows: [
    what: string,
    request: Request,
    context: Parameters<typeof at>[1],
    barred: boolean
  ][] = [
    ['a waiting request with the same log-on parks', queued(), { refused }, true],
    ['one that is asked for later parks, too', later, { refused }, true],
    [
      'the refused one has its own retry',
      queued(),
      { refused: { ...refused, requestId: ID } },
      false
    ],
    [
      'a waiting one of the same account parks, where the log-on is not known',
      unknown(queued()),
      { refused },
      true
    ],
    [
      'but one that is asked for later may come with a better one',
      unknown(later),
      { refused },
      false
    ],
    ['one that names no account is not held up', { ...later, account: null }, { refused }, false],
    [
      'a notification since then lets it be sent',
      queued(),
      { refused, notifications: [notification(START + SECOND)] },
      false
    ],
    [
      'one that came before does not',
      queued(),
      { refused, notifications: [notification(START)] },
      true
    ],
    [
      'one for something else does not',
      queued(),
      { refused, notifications: [notification(NOW, { reason: 'unauthorized' })] },
      true
    ],
    [
      'one by its reason does',
      queued(),
      { refused, notifications: [notification(NOW, { reason: 'credentials' })] },
      false
    ],
    [
      "one by the refused log-on's code does",
      queued(),
      { refused, notifications: [notification(NOW, { code: 'E101' })] },
      false
    ]
  ]
  for (const [what, request, context, barred] of rows) {
    t.test(what, async (t) => {
      const begun = begin(request, context, START + 2 * HOUR)
      t.equal(begun.state, barred ? 'parked' : 'sending')
      if (!barred) return
      const until = START + 2 * HOUR + BUILT_IN_POLICY.parkedMaxMs.credentials
      t.match(begun, { reason: 'credentials', code: 'E101', dueAt: until, attempts: [] })
      t.match(begun.parked, { cause: 'credentials', at: START + 2 * HOUR })
    })
  }

  t.test(
    'what is parked for it is released by a notification, and fails after a week',
    async (t) => {
      const parked = begin(queued(), { refused })
      t.match(release(parked, NOW + 5, 'ann', NOW), { state: 'retry-scheduled', dueAt: NOW + 5 })
      t.match(silent(parked), { state: 'failed', reason: 'parked-too-long' })
    }
  )
})

t.test('what a change says of a log-on', async (t) => {
  const at = NOW
  const awaited = awaiting()
  const again = awaiting(2)
  const parked = begin(queued(), { refused: { requestId: 'x', at: NOW, code: 'E101' } })
  const e105 = error('DO_NOT_RETRY', { code: 'E105' })
  const e301 = error('DO_NOT_RETRY', { code: 'E301' })
  const said = (before: Request, ...received: Callback[]) =>
    verdictOnCredentials(before, fold(before, received, NOW).request, received)
  const refused = (code: string) => ({
    type: 'refused',
    logon: 'logon-1',
    refused: { requestId: ID, at, code }
  })
  const trusted = { type: 'trusted', logon: 'logon-1' }
  const rows: [what: string, said: unknown, expected: unknown][] = [
    ['E1xx refuses it, whatever its Type', said(awaited, callback(1, e105, at)), refused('E105')],
    ['of an earlier attempt, too', said(again, callback(1, e105, at)), refused('E105')],
    [
      'and after the end',
      said(cancel(awaited, 'ann', NOW), callback(1, e105, at)),
      refused('E105')
    ],
    ['any other code says nothing', said(awaited, callback(1, error('DO_NOT_RETRY'), at)), null],
    ['a result trusts it', said(awaited, callback(1, result(), at)), trusted],
    [
      'a result in hand, whatever came before it',
      said(awaited, callback(1, e105, at), callback(1, result(), at + 1)),
      trusted
    ],
    ['it is said once', verdictOnCredentials(awaited, awaited, []), null],
    [
      'a late result says nothing',
      said(IN_STATE.delivered, callback(1, result(), at, { hash: 'other' })),
      null
    ],
    [
      'no data (E3xx) trusts it: the bank has let it in',
      said(awaited, callback(1, e301, at)),
      trusted
    ],
    [
      'of an error of each kind the later one counts',
      said(awaited, callback(1, e301, at), callback(1, e105, at + 1)),
      { ...refused('E105'), refused: { requestId: ID, at: at + 1, code: 'E105' } }
    ],
    ['a late E3xx says nothing', said(IN_STATE.delivered, callback(1, e301, at)), null],
    [
      'to release what was parked for it says nothing',
      verdictOnCredentials(parked, retryNow(parked, 'ann', NOW), []),
      null
    ],
    [
      'to give it up says nothing',
      verdictOnCredentials(parked, cancel(parked, 'ann', NOW), []),
      null
    ],
    ['parking says nothing', verdictOnCredentials(queued(), parked, []), null],
    [
      'a result is said once',
      verdictOnCredentials(IN_STATE.delivered, markPublished(IN_STATE.delivered, NOW), []),
      null
    ]
  ]
  for (const [what, verdict, expected] of rows) {
    t.test(what, async (t) => t.same(verdict, expected))
  }
  t.test('it is the one of the attempt that called back', async (t) => {
    const account = { ...ACCOUNT, credentials: 'logon-2' }
    const authorization = { expiresAt: null }
    const changed = authorize(silent(awaited), { authorization, account }, 'ann', NOW)
    const twice = sent(retryNow(changed, 'ann', NOW))
    t.match(twice.attempts, [{ logon: 'logon-1' }, { logon: 'logon-2' }])
    t.match(said(twice, callback(1, e105, at)), { type: 'refused', logon: 'logon-1' })
    t.match(said(twice, callback(2, e105, at)), { type: 'refused', logon: 'logon-2' })
    t.match(said(twice, callback(1, result(), at)), { type: 'trusted', logon: 'logon-1' })
  })
  t.test('where neither log-on nor account is known nothing is remembered', async (t) => {
    const unknown = answered(sent({ ...queued(), account: null }), acknowledged(), START + SECOND)
    t.equal(said(unknown, callback(1, e105, at)), null)
    t.equal(said(unknown, callback(1, result(), at)), null)
  })
})

t.test('an authorization that expires', async (t) => {
  const refusal = error('WAIT_4_HOURS_BEFORE_RETRY')
  const due = NOW + 4 * HOUR

  t.test(
    'parks a retry that is due after it, at once, and remembers when it was due',
    async (t) => {
      const parked = calledBack(withJwt(awaiting(), due), refusal, NOW)
      t.match(parked, {
        state: 'parked',
        reason: 'authorization-expired',
        dueAt: NOW + BUILT_IN_POLICY.parkedMaxMs['authorization-expired'],
        parked: { at: NOW, cause: 'authorization-expired', notBefore: due }
      })
      t.match(lastEvent(parked), { event: 'parked', failure: 'wait-4-hours' })
      t.match(parked.attempts, [{ cause: 'wait-4-hours' }])
    }
  )
  t.test(
    'does not where it lasts until then, or can’t be read, or is the service’s own',
    async (t) => {
      for (const request of [withJwt(awaiting(), due + 1), withJwt(awaiting(), null), awaiting()]) {
        t.match(calledBack(request, refusal, NOW), { state: 'retry-scheduled', dueAt: due })
      }
    }
  )
  t.test(
    'of the service itself counts as well, but not where the request has its own',
    async (t) => {
      const context = { authorizationExpiresAt: NOW }
      t.equal(begin(queued(), context).reason, 'authorization-expired')
      t.equal(begin(withJwt(queued(), null), context).state, 'sending')
      t.equal(begin(queued(), { authorizationExpiresAt: NOW + 1 }).state, 'sending')
    }
  )
  t.test('parks before the first sending, too', async (t) => {
    const parked = begin(withJwt(queued(), NOW), {})
    t.match(parked, { state: 'parked', reason: 'authorization-expired', attempts: [] })
    t.notOk(parked.parked?.notBefore)
  })
  t.test('is no ground to fail early, nor to live on', async (t) => {
    const rejected = calledBack(withJwt(awaiting(), NOW), error('DO_NOT_RETRY'), NOW)
    t.match(rejected, { state: 'failed', reason: 'do-not-retry' })
  })
})

t.test('another authorization', async (t) => {
  const due = NOW + 4 * HOUR
  const given = { authorization: { expiresAt: NOW + DAY }, account: ACCOUNT }
  const parked = calledBack(withJwt(awaiting(), due), error('WAIT_4_HOURS_BEFORE_RETRY'), NOW)

  t.test('releases what waits for one, never earlier than Khipu asked for', async (t) => {
    const released = authorize(parked, given, 'ann', NOW + HOUR)
    t.match(released, { state: 'retry-scheduled', dueAt: due, ...given, parked: null })
    t.match(released.history.slice(-2), [
      { event: 'authorization-given', by: 'ann', at: NOW + HOUR },
      { event: 'released', by: 'ann' }
    ])
    t.equal(authorize(parked, given, 'ann', due + 1).dueAt, due + 1)
  })
  t.test('releases what Khipu refused as unauthorized', async (t) => {
    const refused = answered(sent(queued()), UNAUTHORIZED, NOW)
    t.match(authorize(refused, given, 'ann', NOW + 1), { state: 'retry-scheduled', dueAt: NOW + 1 })
  })
  t.test('only takes the place of the old one in every other open state', async (t) => {
    for (const state of [
      'queued',
      'sending',
      'awaiting-callback',
      'retry-scheduled',
      'parked'
    ] as const) {
      const before = IN_STATE[state]
      const after = authorize(before, given, 'ann', NOW)
      t.match(after, { state, dueAt: before.dueAt, ...given })
    }
  })
  t.test('that is another log-on releases what was parked for the old one', async (t) => {
    const barred = begin(queued(), { refused: { requestId: 'x', at: NOW, code: 'E101' } })
    t.equal(authorize(barred, given, 'ann', NOW).state, 'parked', 'not where it is the same')
    const account = { ...ACCOUNT, credentials: 'logon-2' }
    t.equal(authorize(barred, { ...given, account }, 'ann', NOW).state, 'retry-scheduled')
  })
  t.test('changes nothing after the end', async (t) => {
    for (const state of ['delivered', 'failed', 'cancelled'] as const) {
      t.equal(authorize(IN_STATE[state], given, 'ann', NOW), IN_STATE[state])
    }
  })
  t.test('a notification does not shorten the wait, an operator’s own word does', async (t) => {
    t.equal(release(parked, NOW, 'ann', NOW).dueAt, due)
    t.equal(retryNow(parked, 'ann', NOW).dueAt, NOW)
  })
})

t.test('the key that signs a capability is noted with the attempt', async (t) => {
  const begun = beginAt(queued(), NOW, {}, { signedWith: 'k2' })
  t.match(begun.attempts, [{ number: 1, signedWith: 'k2' }])
  t.equal(begun.service, SERVICE)
})
