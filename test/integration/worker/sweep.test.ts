import t from 'tap'
import { v7 } from 'uuid'
import { markPublished } from '../../../src/core/result-head.ts'
import type { State } from '../../../src/core/request.ts'
import { openLedger } from '../../../src/ledger/open-ledger.ts'
import { hashOf } from '../../../src/ledger/store.ts'
import { bytes, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { ask, askIn, change } from '../../helpers/requests.ts'
import {
  DAY,
  HOUR,
  keysWith,
  openService,
  secretKey,
  type Service,
  tick
} from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { advance, carryOnNow, sweep } from '../../helpers/handlers.ts'

const MINUTE = 60_000
const unchanged = <T>(request: T) => request

/** Sweeps as if it were that much later, so that what is due now is overdue. */
async function sweepLater(service: Service, laterMs: number): Promise<void> {
  const now = async () => (await service.catalog.now()) + laterMs
  await sweep({ ...service, catalog: { ...service.catalog, now } })
}

/** Deletes every key that BullMQ has of our own queues. */
async function loseQueues({ redis, queuePrefix }: Service): Promise<void> {
  for (const name of ['send', 'paced', 'callback', 'deadline']) {
    const keys = await keysWith(redis, `${queuePrefix}:0}:${name}:`)
    if (keys.length > 0) await redis.unlink(keys)
  }
}

const OVERDUE: readonly [state: State, ago: number, queue: 'send' | 'deadline'][] = [
  ['queued', MINUTE, 'send'],
  ['sending', HOUR, 'deadline'],
  ['awaiting-callback', HOUR, 'deadline'],
  ['retry-scheduled', 5 * HOUR, 'send'],
  ['parked', 8 * DAY, 'deadline']
]

for (const [state, ago, queue] of OVERDUE) {
  t.test(`an overdue request that is ${state}, and whose job is lost, gets it again`, async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, state, { ago })
    await advance(service, requestId, unchanged)
    t.equal((await service.queues[queue].getJobs()).length, 1)
    await loseQueues(service)
    t.same(await service.queues[queue].getJobs(), [])
    await sweep(service)
    await sweep(service)
    const jobs = await service.queues[queue].getJobs()
    t.equal(jobs.length, 1)
    const dueAt = (await service.catalog.find(requestId))?.dueAt
    t.match(jobs, [{ data: { requestId, at: dueAt } }])
    t.equal(await jobs[0]?.isWaiting(), true, 'and is not to sleep any more')
    t.match(service.lines.at(-1), /"overdue request swept"/)
  })
}

t.test('a job that sleeps past its instant is woken', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service, { ago: MINUTE })
  const request = await service.catalog.find(requestId)
  if (request !== null) await service.jobs.ensure(request, request.requestedAt - DAY)
  const [job] = await service.queues.send.getJobs()
  t.equal(await job?.isDelayed(), true)
  await sweep(service)
  t.equal(await job?.isWaiting(), true)
})

t.test('a sweep that has no time for all of them leaves some to a later one', async (t) => {
  const service = await openService(t)
  for (let number = 0; number < 3; number += 1) await ask(service, { ago: MINUTE })
  const waiting = () => service.queues.send.getWaitingCount()
  await sweep({ ...service, healingMs: 0 })
  t.equal(await waiting(), 1)
  await until('each has had its turn', async () => {
    await sweep({ ...service, healingMs: 0 })
    return (await waiting()) === 3
  })
})

for (const [where, sleepsMs] of [
  ['wait', 0],
  ['delayed', DAY]
] as const) {
  t.test(`a job whose place in ${where} was lost is made anew`, async (t) => {
    const service = await openService(t)
    const requestId = await ask(service, { ago: MINUTE })
    const request = await service.catalog.find(requestId)
    if (request !== null) await service.jobs.ensure(request, Number(request.dueAt) - sleepsMs)
    const { send } = service.queues
    await service.redis.del(send.toKey(where))
    t.same(await send.getJobs(), [], 'there is none, but its id is taken')
    await sweep(service)
    const [job] = await send.getJobs()
    t.equal(job?.data.requestId, requestId)
    t.equal(await job?.isWaiting(), true)
  })
}

t.test('what is being worked on, or is not due, is left alone', async (t) => {
  const service = await openService(t)
  await ask(service)
  await askIn(service, 'awaiting-callback')
  await askIn(service, 'retry-scheduled', { ago: HOUR })
  const unread = await askIn(service, 'parked')
  await receive(service, unread, ok())
  await sweep(service)
  for (const name of ['send', 'paced', 'callback', 'deadline'] as const) {
    t.same(await service.queues[name].getJobs(), [])
  }
  t.equal((await service.catalog.find(unread))?.state, 'parked')
  t.same(service.lines, [])
})

t.test('a result that a crash left unpublished is published, once', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, ok())
  const publish = () => Promise.reject(new Error('crashed'))
  const crashing = { ...service, jobs: { ...service.jobs, publish } }
  await t.rejects(advance(crashing, requestId, unchanged))
  t.match(await service.catalog.find(requestId), { state: 'delivered', publishedAt: null })
  t.same(await resultsOf(service), [])
  await sweepLater(service, MINUTE)
  await sweepLater(service, MINUTE)
  t.match(await resultsOf(service), [{ id: requestId, data: { response: ok() } }])
  t.match(await service.catalog.find(requestId), { publishedAt: Number })
})

const UNREAD: readonly [what: string, envelope: object, state: State, expected: State][] = [
  ['a result', ok(), 'awaiting-callback', 'delivered'],
  ['a result', ok(), 'sending', 'delivered'],
  ['a result', ok(), 'parked', 'delivered'],
  ['a failure', error('DO_NOT_RETRY'), 'awaiting-callback', 'failed'],
  ['a failure', error('RETRY_IMMEDIATELY'), 'awaiting-callback', 'retry-scheduled']
]

for (const [what, envelope, state, expected] of UNREAD) {
  t.test(`${what} that nobody read, of a request that is ${state}, is acted on`, async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, state)
    await receive(service, requestId, envelope)
    await sweepLater(service, MINUTE)
    t.equal((await service.catalog.find(requestId))?.state, expected)
    t.equal((await resultsOf(service)).length, expected === 'retry-scheduled' ? 0 : 1)
    const pending = (await service.ledger.load(requestId))?.pending
    t.same(pending, [])
  })
}

t.test('a result that came after the end and that nobody read is kept', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'failed')
  await change(service, requestId, markPublished)
  await receive(service, requestId, ok())
  await sweepLater(service, MINUTE)
  t.match(await service.quarantine.list(null, 9), [{ requestId, kind: 'late' }])
})

/** What a process of version 0.1 leaves of a notification whose releases it has begun. */
async function recordAsBefore({ redis, tag, catalog }: Service, behind?: string) {
  const notification = { service: null, code: 'I001', reason: null, requestIds: null }
  const at = await catalog.now()
  const member = `${at}|${JSON.stringify(notification)}`
  await redis.zadd(`${tag}:releasing`, at, member)
  if (behind !== undefined) await redis.hset(`${tag}:released`, member, behind)
  return member
}

t.test('a release that an older process has begun becomes an operation', async (t) => {
  const service = await openService(t)
  const [reached, ...before] = [
    await askIn(service, 'parked'),
    await askIn(service, 'parked'),
    await askIn(service, 'parked')
  ]
  await recordAsBefore(service, reached)
  const after = await askIn(service, 'parked', { ago: -HOUR })
  await sweep(service)
  t.equal((await service.notifications.unfinished(Infinity)).length, 1, 'it may be going on')
  await sweepLater(service, MINUTE)
  t.same(await service.notifications.unfinished(Infinity), [])
  t.same(await keysWith(service.redis, `${service.tag}:released`), [])
  const { items } = await service.operations.list(null, 9)
  t.equal(await carryOnNow(service, items[0]?.operation.id ?? ''), 2)
  for (const id of before) t.equal((await service.catalog.find(id))?.state, 'retry-scheduled')
  for (const id of [reached, after]) t.equal((await service.catalog.find(id))?.state, 'parked')
})

t.test('… but not while that process is at it', async (t) => {
  const service = await openService(t)
  const member = await recordAsBefore(service)
  const lease = `${service.tag}:releaser:${hashOf(member)}`
  await service.redis.set(lease, 'it')
  await sweepLater(service, MINUTE)
  t.equal((await service.notifications.unfinished(Infinity)).length, 1)
  await service.redis.del(lease)
  await sweepLater(service, MINUTE)
  t.same(await service.notifications.unfinished(Infinity), [])
})

t.test('what is older than the retention is forgotten', async (t) => {
  const service = await openService(t)
  const ended = async (ago: number) => {
    const requestId = await askIn(service, 'failed', { ago })
    await change(service, requestId, markPublished)
    return requestId
  }
  const [old, young] = [await ended(30 * DAY + MINUTE), await ended(30 * DAY - MINUTE)]
  const unpublished = await askIn(service, 'failed', { ago: 31 * DAY })
  await sweep(service)
  t.equal(await service.ledger.has(old), false)
  t.equal(await service.ledger.has(young), true)
  t.equal(await service.ledger.has(unpublished), false)
  t.match(await resultsOf(service), [{ id: unpublished }], 'though not before it was published')
  t.match(service.lines.map((line) => JSON.parse(line) as object).at(-1), {
    forgotten: 2,
    msg: 'ended requests forgotten'
  })
})

t.test('behind hundreds that have to stay one that can go is forgotten', async (t) => {
  const service = await openService(t)
  const staying = Array.from({ length: 600 }, (_, at) => [at, `broken-${at}`]).flat()
  await service.redis.zadd(`${service.tag}:ended`, ...staying)
  const old = await askIn(service, 'failed', { ago: 31 * DAY })
  await change(service, old, markPublished)
  await sweep(service)
  t.equal(await service.ledger.has(old), false)
})

t.test('a callback that came late, and was not yet looked at, is not forgotten', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'failed', { ago: 31 * DAY })
  await change(service, requestId, markPublished)
  await receive(service, requestId, ok())
  await sweep(service)
  t.equal(await service.ledger.has(requestId), true)
  await sweepLater(service, MINUTE)
  t.match(await service.quarantine.list(null, 9), [{ requestId, kind: 'late' }])
  t.equal(await service.ledger.has(requestId), false)
})

t.test('quarantine entries and notifications are kept as long as the ledger', async (t) => {
  const service = await openService(t)
  const sending = await askIn(service, 'sending')
  const notification = { service: null, code: null, reason: null, requestIds: null }
  await service.notifications.record(notification)
  await service.quarantine.keep({ requestId: v7(), attempt: 1 }, 'not-json', [], bytes('x'))
  await sweepLater(service, 30 * DAY - HOUR)
  t.equal((await service.quarantine.usage()).entries, 1)
  t.equal((await service.ledger.load(sending))?.notifications.length, 1)
  await sweepLater(service, 30 * DAY + HOUR)
  t.equal((await service.quarantine.usage()).entries, 0)
  t.equal((await service.ledger.load(sending))?.notifications.length, 0)
})

t.test('a quarantine that is nearly full is told of at every sweep', async (t) => {
  const quarantine = { mostEntries: 20, mostBytes: 1000, retentionMs: 30 * DAY }
  const service = await openService(t, { quarantine })
  const keep = (text: string) =>
    service.quarantine.keep({ requestId: v7(), attempt: 1 }, 'not-json', [], Buffer.from(text))
  const warnings = () => service.lines.filter((line) => line.includes('quarantine nearly full'))
  for (let count = 0; count < 15; count += 1) await keep(`${count}`)
  await sweep(service)
  t.same(warnings(), [])
  await keep('one more')
  await sweep(service)
  await sweep(service)
  t.equal(warnings().length, 2)
  t.match(JSON.parse(warnings()[0] ?? '{}'), { level: 40, filled: 0.8, evicted: 0 })
})

t.test('a request that can’t be healed does not keep others from it', async (t) => {
  const service = await openService(t, { secretKeys: [secretKey('k1')] })
  const settings = { ...service.ledgerSettings, secretKeys: [secretKey('k2')] as const }
  const sealedOtherwise = { ...service, ...openLedger(service.redis, settings) }
  const broken = await askIn(service, 'awaiting-callback', { ago: HOUR })
  await receive(sealedOtherwise, broken, ok())
  const healthy = await askIn(service, 'awaiting-callback')
  await receive(service, healthy, ok())
  await sweepLater(service, MINUTE).catch(() => {})
  t.equal((await service.catalog.find(healthy))?.state, 'delivered')
  t.match(service.lines.join(''), new RegExp(`"requestId":"${broken}".*"not healed"`))
})

t.test('a release that can’t be adopted does not keep others from it', async (t) => {
  const service = await openService(t)
  const broken = await recordAsBefore(service)
  await tick(service)
  await recordAsBefore(service)
  const adopt: Service['notifications']['adopt'] = (releasing) =>
    releasing.member === broken
      ? Promise.reject(new Error('crashed'))
      : service.notifications.adopt(releasing)
  const breaking = { ...service, notifications: { ...service.notifications, adopt } }
  await sweepLater(breaking, MINUTE)
  t.match(service.lines.join(''), /"notifiedAt":\d+.*"not healed"/)
  t.match(await service.notifications.unfinished(Infinity), [{ member: broken }])
})

t.test('behind hundreds that can’t be healed one that can be is found', async (t) => {
  const service = await openService(t)
  const lost = await askIn(service, 'awaiting-callback', { ago: HOUR })
  const broken = Array.from({ length: 600 }, (_, at) => [at, `broken-${at}`]).flat()
  await service.redis.zadd(`${service.tag}:due`, ...broken)
  for (let at = 0; at < 600; at += 1) {
    await service.redis.hset(`${service.tag}:request:broken-${at}`, 'version', '1', 'record', '{')
  }
  await sweepLater(service, MINUTE)
  t.equal((await service.queues.deadline.getJobs()).length, 1)
  t.match(await service.queues.deadline.getJobs(), [{ data: { requestId: lost } }])
})

t.test(
  'a sweep reports what it took up, and how many entries of the index it corrected',
  async (t) => {
    const service = await openService(t)
    await askIn(service, 'queued', { ago: MINUTE })
    const taken: string[] = []
    const strays: number[] = []
    await sweep({
      ...service,
      groups: { ...service.groups, heal: async () => 3 },
      recovered: (what) => void taken.push(what),
      strays: (count) => void strays.push(count)
    })
    t.same(taken, ['request'])
    t.same(strays, [3])
  }
)

t.test('too many groups are told', async (t) => {
  const service = await openService(t)
  await askIn(service, 'queued')
  await sweep(service)
  const told = () => service.lines.filter((line) => line.includes('too many groups'))
  t.same(told(), [])
  const names = Array.from({ length: 2_000 }, (_, at) => [`queued|||service-${at}`, 1]).flat()
  await service.redis.hset(`${service.tag}:groups`, ...names)
  await sweep(service)
  t.match(told(), [/"groups":2001,/])
})
