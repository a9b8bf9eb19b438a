import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { authorize, cancel, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import { note } from '../../../src/core/request.ts'
import { beginSending } from '../../../src/core/transitions/on-send.ts'
import type { Step } from '../../../src/ledger/advance.ts'
import { callbackId } from '../../../src/crypto/callback-id.ts'
import { openLedger } from '../../../src/ledger/open-ledger.ts'
import type { Entry } from '../../../src/ledger/load.ts'
import { connectWaiting } from '../../../src/redis/connect.ts'
import { bytes, error, ok, receive } from '../../helpers/callbacks.ts'
import { addressOf } from '../../helpers/redis-address.ts'
import { ACKNOWLEDGED, ask, REQUEST_TIMEOUT_MS } from '../../helpers/requests.ts'
import { DAY, HOUR, keysWith, openService, type Service, tick } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import { advance, handleSend, releaseParked, startWorker, sweep } from '../../helpers/handlers.ts'

/** A request for an account, with a log-on of its own where one is named. */
const askFor = (service: Service, AccountNumber: string, Password?: string) =>
  ask(service, {
    turns: true,
    input: {
      RequestData: { AccountNumber, ...(Password && { AccountCredential: { Password } }) }
    }
  })
const find = async ({ catalog }: Service, requestId: string) => {
  const request = await catalog.find(requestId)
  if (request === null) throw new Error('there is no such request')
  return request
}
const stateOf = async (service: Service, id: string) => (await find(service, id)).state
const begin = (request: Parameters<Step>[0], context: Parameters<Step>[1]) =>
  beginSending(request, context, REQUEST_TIMEOUT_MS)
const look: Step = (request) => request
const sendNow = async (service: Service, requestId: string) =>
  handleSend(openWorker(service).deps, await jobOf(service, requestId))

/** Real workers and a pretend Khipu that calls back by itself; tells who was on the way with whom. */
async function startAll(
  t: Test,
  service: Service,
  envelopeOf: (count: number) => object = () => ok()
) {
  const sent: string[] = []
  const onTheWay = new Map<string, number>()
  let most = 0
  const { deps } = openWorker(service, ({ requestData, callbackUrl }) => {
    const { AccountNumber: account } = Object(requestData) as { AccountNumber: string }
    const capability = service.capabilities.verify(callbackUrl.split('/').at(-1) ?? '')
    if (capability === null) throw new Error('that is no capability')
    const { requestId, attempt } = capability
    sent.push(requestId)
    onTheWay.set(account, (onTheWay.get(account) ?? 0) + 1)
    most = Math.max(most, onTheWay.get(account) ?? 0)
    const count = sent.length
    void pause(20).then(async () => {
      onTheWay.set(account, (onTheWay.get(account) ?? 0) - 1)
      await receive(service, requestId, envelopeOf(count), attempt)
      await service.jobs.enqueueCallback(requestId, callbackId(attempt, bytes(envelopeOf(count))))
    })
    return ACKNOWLEDGED
  })
  const connection = connectWaiting(addressOf(service.url), service.log)
  const worker = startWorker({ ...deps, connection, concurrency: 8, sweepIntervalMs: DAY })
  t.teardown(async () => {
    await worker.close()
    connection.disconnect()
  })
  return { sent, mostAtOnce: () => most }
}

async function queueAll(service: Service, ids: readonly string[]): Promise<void> {
  for (const id of ids.toReversed()) await advance(service, id, look)
}

t.test('requests of one account go one at a time, in the order in which they came', async (t) => {
  const service = await openService(t)
  const ids: string[] = []
  for (let count = 0; count < 8; count += 1) ids.push(await askFor(service, '1'))
  const { sent, mostAtOnce } = await startAll(t, service)
  await queueAll(service, ids)
  await until(
    'all are delivered',
    async () => (await service.catalog.totals()).ended['delivered'] === 8
  )
  t.same(sent, ids)
  t.equal(mostAtOnce(), 1)
  t.same(await keysWith(service.redis, `${service.tag}:turn:`), [], 'nothing is left behind')
  t.same(await keysWith(service.redis, `${service.tag}:waiting:`), [])
})

t.test('requests of several accounts do not wait for each other', async (t) => {
  const service = await openService(t)
  const holder = await askFor(service, '1')
  await sendNow(service, holder)
  const other = await askFor(service, '2')
  await sendNow(service, other)
  t.equal(await stateOf(service, other), 'awaiting-callback')
  const elsewhere = await ask(service, {
    turns: true,
    service: 'cl/banking/personal/bci.cl/transactions',
    input: { RequestData: { AccountNumber: '1' } }
  })
  await sendNow(service, elsewhere)
  t.equal(await stateOf(service, elsewhere), 'awaiting-callback', 'the same number, another bank')
})

t.test('who is not next waits visibly, and no longer than the other may take', async (t) => {
  const service = await openService(t)
  const [first, second] = [await askFor(service, '1'), await askFor(service, '1')]
  await sendNow(service, second)
  t.match(await find(service, second), { state: 'queued', reason: 'account-busy' })
  await sendNow(service, first)
  await sendNow(service, second)
  const [holder, waiting] = [await find(service, first), await find(service, second)]
  t.match(waiting, { reason: 'account-busy', dueAt: holder.dueAt, attempts: [] })
  t.equal(waiting.history.filter(({ event }) => event === 'account-busy').length, 1)
  t.same(await service.catalog.overdue(await service.catalog.now()), [], 'nor is it overdue')
})

/** What a decision about an entry knows. */
function contextOf(entry: Entry) {
  const { now } = entry.clock
  const settings = { policy: BUILT_IN_POLICY, random: 0, callbackTimeoutMs: HOUR }
  return { ...entry, ...settings, now, authorizationExpiresAt: null }
}

t.test('of two that begin at the same instant one goes', async (t) => {
  const service = await openService(t)
  const ids = [await askFor(service, '1'), await askFor(service, '1')]
  await Promise.all(ids.map((id) => sendNow(service, id)))
  t.same(await Promise.all(ids.map((id) => stateOf(service, id))), ['awaiting-callback', 'queued'])
  const [, late = ''] = ids
  const entry = await service.ledger.load(late)
  if (entry === null) throw new Error('it is not there')
  // What it would write had it looked just before the other one began.
  const request = begin(entry.request, { ...contextOf(entry), busyUntil: null })
  t.equal(request.state, 'sending')
  t.notOk((await service.ledger.commit(entry, { request, kept: new Map() })).done)
})

t.test('whoever ends, fails or is cancelled lets the next one go', async (t) => {
  const ways: readonly [what: string, way: (service: Service, id: string) => Promise<unknown>][] = [
    ['ends', async (service, id) => void (await receive(service, id, ok()))],
    [
      'is to be sent again',
      async (service, id) => void (await receive(service, id, error('WAIT_4_HOURS_BEFORE_RETRY')))
    ],
    [
      'parks',
      async (service, id) => void (await receive(service, id, error('RETRY_AFTER_NOTIFICATION')))
    ],
    [
      'is cancelled',
      (service, id) => advance(service, id, (request, { now }) => cancel(request, 'ana', now))
    ]
  ]
  for (const [what, way] of ways) {
    await t.test(what, async (t) => {
      const service = await openService(t)
      const [first, second] = [await askFor(service, '1'), await askFor(service, '1')]
      await sendNow(service, first)
      await sendNow(service, second)
      await way(service, first)
      await advance(service, first, look)
      const [job] = await service.queues.send.getWaiting()
      t.equal(job?.data.requestId, second, 'it is woken')
      t.same(await service.catalog.overdue(await service.catalog.now()), [second])
      await sendNow(service, second)
      t.equal(await stateOf(service, second), 'awaiting-callback')
    })
  }
})

t.test('a retry whose account is busy is woken as well', async (t) => {
  const service = await openService(t)
  const [first, second] = [await askFor(service, '1'), await askFor(service, '1')]
  await sendNow(service, first)
  await receive(service, first, error('WAIT_4_HOURS_BEFORE_RETRY'))
  await advance(service, first, look)
  await sendNow(service, second)
  await advance(service, first, (request, { now }) => retryNow(request, 'ana', now))
  await sendNow(service, first)
  t.match(await find(service, first), { state: 'retry-scheduled', reason: 'account-busy' })
  await receive(service, second, ok())
  await advance(service, second, look)
  const { attempts, dueAt } = await find(service, first)
  const job = await service.queues.send.getJob(`send-${first}-${attempts.length}-${dueAt}`)
  t.equal(await job?.isWaiting(), true)
  await sendNow(service, first)
  t.equal(await stateOf(service, first), 'awaiting-callback')
})

t.test('a promotion that a crash loses is repeated by the sweep', async (t) => {
  const service = await openService(t)
  const [first, second] = [await askFor(service, '1'), await askFor(service, '1')]
  await sendNow(service, first)
  await sendNow(service, second)
  await receive(service, first, ok())
  const promote = () => Promise.reject(new Error('crashed'))
  const crashing = { ...service, jobs: { ...service.jobs, promote } }
  await t.rejects(advance(crashing, first, look), { message: 'crashed' })
  t.same(await service.queues.send.getWaiting(), [])
  const later = { ...service.catalog, now: async () => (await service.catalog.now()) + 6_000 }
  await sweep({ ...service, catalog: later })
  t.match(await service.queues.send.getWaiting(), [{ data: { requestId: second } }])
})

t.test(
  'one that is left behind in the middle of a sending holds its turn until its deadline',
  async (t) => {
    const service = await openService(t)
    const [first, second] = [await askFor(service, '1'), await askFor(service, '1')]
    await advance(service, first, begin)
    await sendNow(service, second)
    t.equal(await stateOf(service, second), 'queued', 'for Khipu may be at the bank with it')
    await advance(service, first, begin)
    t.equal(await stateOf(service, first), 'awaiting-callback', 'found again after the crash')
    await advance(service, first, (request, { now }) => cancel(request, 'ana', now))
    await sendNow(service, second)
    t.equal(await stateOf(service, second), 'awaiting-callback')
  }
)

t.test('one that waits and is cancelled, or forgotten, holds nobody up', async (t) => {
  const service = await openService(t)
  const [first, second] = [await askFor(service, '1'), await askFor(service, '1')]
  await advance(service, first, (request, { now }) => cancel(request, 'ana', now))
  await sendNow(service, second)
  t.equal(await stateOf(service, second), 'awaiting-callback')
  await advance(service, second, (request, { now }) => cancel(request, 'ana', now))
  await service.catalog.forgetEndedBefore((await service.catalog.now()) + 1, 10)
  t.same(await keysWith(service.redis, `${service.tag}:account:`), [])
  const third = await askFor(service, '1')
  await sendNow(service, third)
  t.equal(await stateOf(service, third), 'awaiting-callback')
})

t.test(
  'a turn whose holder is gone, and a queue with strangers in it, lock nobody out',
  async (t) => {
    const service = await openService(t)
    const requestId = await askFor(service, '1')
    const { account } = await find(service, requestId)
    await service.redis.sadd(`${service.tag}:turn:${account?.id}`, 'gone')
    await service.redis.zadd(`${service.tag}:waiting:${account?.id}`, 0, '0-gone')
    await sendNow(service, requestId)
    t.equal(await stateOf(service, requestId), 'awaiting-callback')
  }
)

t.test('with SINGLE_FLIGHT=false nobody waits, and no log-on is remembered', async (t) => {
  const service = await openService(t, { singleFlight: false })
  const ids = [await askFor(service, '1', 'a'), await askFor(service, '1', 'a')]
  for (const id of ids) await sendNow(service, id)
  t.same(await Promise.all(ids.map((id) => stateOf(service, id))), [
    'awaiting-callback',
    'awaiting-callback'
  ])
  await receive(service, ids[0] ?? '', error('DO_NOT_RETRY', 'E101'))
  await advance(service, ids[0] ?? '', look)
  const third = await askFor(service, '1', 'a')
  await sendNow(service, third)
  t.equal(await stateOf(service, third), 'awaiting-callback')
})

t.test('after a refused log-on', async (t) => {
  const service = await openService(t)
  const { policy } = service
  const first = await askFor(service, '1', 'wrong')
  const same = await askFor(service, '1', 'wrong')
  const better = await askFor(service, '1', 'right')
  const sameElsewhere = await askFor(service, '2', 'wrong')
  await sendNow(service, first)
  await receive(service, first, error('RETRY_IMMEDIATELY', 'E101'))
  await advance(service, first, look)

  await t.test('no other request with the same log-on is sent', async (t) => {
    for (const id of [same, sameElsewhere]) {
      await sendNow(service, id)
      t.match(await find(service, id), {
        state: 'parked',
        reason: 'credentials',
        code: 'E101',
        attempts: []
      })
    }
    const later = await askFor(service, '3', 'wrong')
    await sendNow(service, later)
    t.match(await find(service, later), { state: 'parked', reason: 'credentials' })
  })
  await t.test('one with another log-on is', async (t) => {
    await sendNow(service, first)
    t.equal(await stateOf(service, first), 'awaiting-callback', 'its own retry')
    await receive(service, first, error('RETRY_IMMEDIATELY', 'E101'), 2)
    await advance(service, first, look)
    t.match(await find(service, first), { state: 'failed', reason: 'retries-exhausted' })
    await sendNow(service, better)
    t.equal(await stateOf(service, better), 'awaiting-callback')
    await receive(service, better, ok())
    await advance(service, better, look)
  })
  await t.test('a notification lets them go, and is not asked for again', async (t) => {
    const notification = {
      service: null,
      code: null,
      reason: 'credentials',
      requestIds: null
    } as const
    const releasing = await service.notifications.record({ ...notification, by: 'ana' })
    t.equal(
      await releaseParked({ ...service, policy: { ...policy, releasesPerSecond: 1e6 } }, releasing),
      3
    )
    const { history } = await find(service, same)
    t.match(history.at(-1), { event: 'released', by: 'ana' })
    await until(
      'it is due',
      async () => (await service.catalog.now()) >= ((await find(service, same)).dueAt ?? 0)
    )
    await sendNow(service, same)
    t.equal(await stateOf(service, same), 'awaiting-callback')
    const fresh = await askFor(service, '4', 'wrong')
    await sendNow(service, fresh)
    t.match(await find(service, fresh), { state: 'queued', reason: 'logon-probe' })
  })
})

t.test('where the log-on is not known, a refusal holds for the account', async (t) => {
  const service = await openService(t)
  const [refused, same, other] = [
    await askFor(service, '1'),
    await askFor(service, '1'),
    await askFor(service, '2')
  ]
  await sendNow(service, refused)
  await tick(service)
  await receive(service, refused, error('DO_NOT_RETRY', 'E101'))
  await advance(service, refused, look)
  for (const id of [same, other]) await sendNow(service, id)
  t.match(await find(service, same), { state: 'parked', reason: 'credentials' })
  t.equal(await stateOf(service, other), 'awaiting-callback')
  const { response } = await find(service, refused)
  const { refused: told = null } = (await service.ledger.load(await askFor(service, '1'))) ?? {}
  t.same(told, { requestId: refused, at: response?.receivedAt, code: 'E101' })
})

const GOOD_AGAIN: readonly [
  what: string,
  way: (service: Service, id: string) => Promise<unknown>
][] = [
  [
    'a result with it',
    async (service, id) => {
      await sendNow(service, id)
      await receive(service, id, ok(), 2)
      await advance(service, id, look)
    }
  ],
  [
    'a result of one that an operator has retried',
    async (service) => {
      const parked = await askFor(service, '3', 'x')
      await sendNow(service, parked)
      t.equal(await stateOf(service, parked), 'parked')
      await advance(service, parked, (request, { now }) => retryNow(request, 'ana', now))
      await sendNow(service, parked)
      await receive(service, parked, ok())
      await advance(service, parked, look)
    }
  ]
]
for (const [what, way] of GOOD_AGAIN) {
  t.test(`${what} makes a refused log-on good again`, async (t) => {
    const service = await openService(t)
    const [refused, other] = [await askFor(service, '1', 'x'), await askFor(service, '2', 'x')]
    await sendNow(service, refused)
    await receive(service, refused, error('RETRY_IMMEDIATELY', 'E101'))
    await advance(service, refused, look)
    await way(service, refused)
    await sendNow(service, other)
    t.equal(await stateOf(service, other), 'awaiting-callback')
  })
}

t.test('a refused log-on is remembered for as long as a request waits for it', async (t) => {
  const service = await openService(t)
  const requestId = await askFor(service, '1', 'x')
  await sendNow(service, requestId)
  await receive(service, requestId, error('DO_NOT_RETRY', 'E101'))
  await advance(service, requestId, look)
  const [name = '', ...others] = await keysWith(service.redis, `${service.tag}:refused:`)
  t.same(others, [])
  const left = await service.redis.pttl(name)
  const most = service.policy.parkedMaxMs.credentials
  t.ok(left > most - HOUR && left <= most)
})

t.test('where nothing may be parked for it, a refused log-on is not remembered', async (t) => {
  const parkedMaxMs = { ...BUILT_IN_POLICY.parkedMaxMs, credentials: 0 }
  const service = await openService(t, { policy: { ...BUILT_IN_POLICY, parkedMaxMs } })
  const [requestId, next] = [await askFor(service, '1', 'x'), await askFor(service, '1', 'x')]
  await sendNow(service, requestId)
  await receive(service, requestId, error('DO_NOT_RETRY', 'E101'))
  await advance(service, requestId, look)
  t.equal(await stateOf(service, requestId), 'failed')
  await sendNow(service, next)
  t.equal(await stateOf(service, next), 'awaiting-callback')
})

t.test('a refusal between looking and beginning is seen', async (t) => {
  const service = await openService(t)
  const [first, second] = [await askFor(service, '1', 'x'), await askFor(service, '2', 'x')]
  await sendNow(service, first)
  const entry = await service.ledger.load(second)
  if (entry === null) throw new Error('it is not there')
  await receive(service, first, error('DO_NOT_RETRY', 'E101'))
  await advance(service, first, look)
  const request = begin(entry.request, contextOf(entry))
  t.equal(request.state, 'sending')
  t.notOk((await service.ledger.commit(entry, { request, kept: new Map() })).done)
  await sendNow(service, second)
  t.match(await find(service, second), { state: 'parked', reason: 'credentials' })
})

t.test(
  'a notification since the refusal counts, and so does one since the own sending',
  async (t) => {
    const service = await openService(t)
    const any = { service: null, code: null, reason: null, requestIds: null }
    const [early, refused] = [await askFor(service, '1', 'x'), await askFor(service, '2', 'x')]
    await sendNow(service, early)
    await sendNow(service, refused)
    await tick(service)
    const { notification: before } = await service.notifications.record(any)
    await tick(service)
    await receive(service, refused, error('DO_NOT_RETRY', 'E101'))
    await advance(service, refused, look)
    const { notification: since } = await service.notifications.record(any)
    await tick(service)

    const late = await askFor(service, '3', 'x')
    await sendNow(service, late)
    t.equal(await stateOf(service, late), 'awaiting-callback')
    for (const [id, told] of [
      [early, [before, since]],
      [late, [since]]
    ] as const) {
      await receive(service, id, error('WAIT_4_HOURS_BEFORE_RETRY'))
      await advance(service, id, look)
      t.match(await service.ledger.load(id), { refused: { requestId: refused } })
      t.same((await service.ledger.load(id))?.notifications, told)
    }
  }
)

t.test('what is on its way can be written, though its log-on was refused since', async (t) => {
  const service = await openService(t)
  const [first, second] = [await askFor(service, '1', 'x'), await askFor(service, '2', 'x')]
  await advance(service, second, begin)
  await sendNow(service, first)
  await receive(service, first, error('DO_NOT_RETRY', 'E101'))
  await advance(service, first, look)
  const entry = await service.ledger.load(second)
  if (entry === null) throw new Error('it is not there')
  const request = note(entry.request, { at: 0, event: 'noticed' })
  t.equal(request.state, 'sending')
  t.ok((await service.ledger.commit(entry, { request, kept: new Map() })).done)
})

t.test('with real workers a refused log-on costs two requests, however many wait', async (t) => {
  const policy = {
    ...BUILT_IN_POLICY,
    retry: {
      ...BUILT_IN_POLICY.retry,
      'refused-logon': { delaysMs: [0], jitter: { share: 0 }, maxRetries: 1, retryAfterMaxMs: 0 }
    }
  }
  const service = await openService(t, { policy })
  const ids: string[] = []
  for (let count = 0; count < 6; count += 1) ids.push(await askFor(service, '1', 'wrong'))
  const { sent } = await startAll(t, service, (count) =>
    error('RETRY_IMMEDIATELY', count > 2 ? 'E999' : 'E101')
  )
  await queueAll(service, ids)
  await until('five are parked', async () => (await service.catalog.totals()).live['parked'] === 5)
  t.same(sent, [ids[0], ids[0]])
})

t.test('where turns were not taken for a time, all who are on their way count', async (t) => {
  const service = await openService(t)
  const without = {
    ...service,
    ...openLedger(service.redis, { ...service.ledgerSettings, singleFlight: false })
  }
  const ids = [await askFor(service, '1'), await askFor(service, '1'), await askFor(service, '1')]
  const [first = '', second = '', third = ''] = ids
  for (const id of [first, second]) await sendNow(without, id)
  await receive(service, second, ok())
  await advance(service, second, look)
  await sendNow(service, third)
  t.match(await find(service, third), { state: 'queued', reason: 'account-busy' })
  await receive(service, first, ok())
  await advance(service, first, look)
  await sendNow(service, third)
  t.equal(await stateOf(service, third), 'awaiting-callback')
})

t.test('a log-on is judged by what the attempt was sent with', async (t) => {
  const service = await openService(t)
  const askWith = (AccountNumber: string, jwt: string) =>
    ask(service, { turns: true, input: { RequestData: { AccountNumber }, authorization: { jwt } } })
  const give = async (requestId: string, jwt: string) => {
    const input = { RequestData: { AccountNumber: '1' }, authorization: { jwt } }
    const sealed = service.ledger.seal(requestId, input)
    await advance(
      service,
      requestId,
      (request, { now }) => {
        const account = service.accounts.identify(request.service, input)
        return authorize(request, { authorization: { expiresAt: null }, account }, 'ana', now)
      },
      { sealed }
    )
  }
  const first = await askWith('1', 'wrong')
  await sendNow(service, first)
  await give(first, 'right')
  await receive(service, first, error('WAIT_4_HOURS_BEFORE_RETRY', 'E101'))
  await advance(service, first, look)

  const wrong = await askWith('2', 'wrong')
  await sendNow(service, wrong)
  t.match(await find(service, wrong), { state: 'parked', reason: 'credentials' })
  const right = await askWith('3', 'right')
  await sendNow(service, right)
  t.equal(await stateOf(service, right), 'awaiting-callback', 'it was not the one that was refused')

  await give(wrong, 'right')
  t.equal(await stateOf(service, wrong), 'retry-scheduled', 'another log-on lets it go')
  const again = await askWith('4', 'wrong')
  await sendNow(service, again)
  t.match(await find(service, again), { reason: 'credentials' }, 'and the old one stays refused')
  await give(right, 'wrong')
  const late = await askWith('5', 'fine')
  await give(late, 'wrong')
  await sendNow(service, late)
  t.match(await find(service, late), { reason: 'credentials' }, 'given the refused one, it waits')
})

t.test('a log-on that was refused too late to matter is remembered all the same', async (t) => {
  const service = await openService(t)
  const first = await askFor(service, '1', 'x')
  await sendNow(service, first)
  await advance(service, first, (request, { now }) => cancel(request, 'ana', now))
  await receive(service, first, error('DO_NOT_RETRY', 'E101'))
  await advance(service, first, look)
  const second = await askFor(service, '1', 'x')
  await sendNow(service, second)
  t.match(await find(service, second), { state: 'parked', reason: 'credentials' })
})
