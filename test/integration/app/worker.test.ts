import { Queue } from 'bullmq'
import t from 'tap'
import { placeOf } from '../../../src/core/placement.ts'
import { call } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import {
  accountOf,
  ask,
  atRest,
  inState,
  metric,
  resultJobs,
  resultsOf,
  startWorld,
  sumOf,
  view
} from '../../helpers/world.ts'
import { startHere } from '../../helpers/started.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

// Each setting reaches whoever obeys it.

const MINUTE = 60_000
const instant = (text: string | null | undefined) => Date.parse(text ?? '')

t.test('a POST and its callback may take as long as the settings say', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 10 * MINUTE } })
  const service = await startHere(t, world, {
    KHIPU_REQUEST_TIMEOUT: '2s',
    CALLBACK_TIMEOUT: '2m'
  })
  const requestId = await ask(service, accountOf('1603', 1))
  const sending = await inState(service, requestId, 'sending')
  const begun = sending.history.find(({ event }) => event === 'sending')
  t.equal(instant(sending.dueAt) - instant(begun?.at), 2000 + 2 * MINUTE)
  const awaiting = await inState(service, requestId, 'awaiting-callback')
  t.equal(instant(awaiting.dueAt) - instant(awaiting.history.at(-1)?.at), 2 * MINUTE)
})

t.test('a request with a JWT of the service that has expired is not sent', async (t) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const world = await startWorld(t)
  const service = await startHere(t, world, {
    KHIPU_API_KEY: '',
    KHIPU_JWT: `${part({ alg: 'none' })}.${part({ exp: 1 })}.x`
  })
  const requestId = await ask(service, accountOf('1205', 1))
  t.match(await inState(service, requestId, 'parked'), {
    reason: 'authorization-expired',
    attempts: 0
  })
  t.equal(world.khipu.calls.length, 0)
})

t.test('requests of one account go one at a time only where they are to', async (t) => {
  const world = await startWorld(t)
  const service = await startHere(t, world, { SINGLE_FLIGHT: 'false' })
  const account = accountOf('1205', 1)
  const ids = [await ask(service, account), await ask(service, account)]
  for (const id of ids) await inState(service, id, 'awaiting-callback')
  t.equal(world.khipu.calls.length, 2)
})

t.test('what has ended is forgotten, and its result kept, for as long as is set', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 10 } })
  const service = await startHere(t, world, {
    SWEEP_INTERVAL: '200ms',
    LEDGER_RETENTION: '2s',
    RESULT_RETENTION: '90m'
  })
  const requestId = await ask(service, accountOf('1001', 1))
  const job = (await resultsOf(world, [requestId])).get(requestId)
  t.match(job?.opts.removeOnComplete, { age: 90 * 60 })
  await until('it is forgotten', async () => {
    return (await service.api('GET', `/v1/requests/${requestId}`)).status === 404
  })
  const sends = await metric(service, 'khipu_sends_total')
  t.same([...sends], [['answer="acknowledged",bank="btgpactual.cl"', 1]])
})

t.test('results are on the queue that is named', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 10 } })
  const service = await startHere(t, world, { RESULT_QUEUE: 'elsewhere' })
  const prefix = world.env['QUEUE_PREFIX'] ?? ''
  const elsewhere = new Queue('elsewhere', { prefix, connection: { url: world.redis.url } })
  t.teardown(() => elsewhere.close())
  const requestId = await ask(service, accountOf('1001', 1))
  await until('its result is there', () => elsewhere.getJob(requestId))
  t.same(await resultJobs(world), [])
})

t.test('the quarantine holds as many bodies as are set', async (t) => {
  const world = await startWorld(t)
  const service = await startHere(t, world, { QUARANTINE_ENTRIES: '2' })
  await ask(service, accountOf('1205', 1))
  const { callbackUrl } = await until('Khipu was asked', () => world.khipu.calls[0])
  for (const body of ['one', 'two', 'three']) {
    t.equal((await call(callbackUrl ?? '', { method: 'POST', body })).status, 400)
  }
  t.equal(await sumOf(service, 'khipu_quarantine_entries'), 2)
})

t.test('a worker handles as many jobs at once as are set, all partitions together', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 10 * MINUTE } })
  const service = await startHere(t, world, {
    PARTITIONS: '2',
    WORKER_CONCURRENCY: '4',
    KHIPU_REQUEST_TIMEOUT: '2s'
  })
  const accounts = Array.from({ length: 24 }, (_, number) => accountOf('1603', number))
  await Promise.all(accounts.map((account) => ask(service, account)))
  // Nothing is answered before the first POST has timed out; by then as many as may are on their way.
  let atOnce = 0
  await until('one has ended', () => {
    const ended = service.logs.filter(({ msg }) => msg === 'request sent').length
    atOnce = Math.max(atOnce, world.khipu.calls.length - ended)
    return ended > 0
  })
  t.ok(atOnce >= 2 && atOnce <= 4, `${atOnce} at once`)
})

t.test('what is released keeps the pace of the policy, all partitions together', async (t) => {
  const world = await startWorld(t, {
    khipu: { callbackDelayMs: 10 },
    policy: { releasesPerSecond: 1 }
  })
  const service = await startHere(t, world, { PARTITIONS: '2' })
  const accounts = Array.from({ length: 8 }, (_, number) => accountOf('1107', number))
  const ids = await Promise.all(accounts.map((account) => ask(service, account)))
  for (const id of ids) t.match(await atRest(service, id, 1), { state: 'parked' })
  const answer = await service.api('POST', '/v1/notifications', { code: 'I001' })
  t.match(answer, { status: 200, body: { released: 8 } })

  const views = await Promise.all(ids.map((id) => view(service, id)))
  for (const partition of [0, 1]) {
    const mine = views.filter((one) => placeOf(one.requestId, 2) === partition)
    const waiting = mine.filter(({ state }) => state !== 'parked' && state !== 'awaiting-callback')
    const due = waiting.map(({ dueAt }) => instant(dueAt)).toSorted((a, b) => a - b)
    const gaps = due.slice(1).map((at, index) => at - (due[index] ?? 0))
    // Each has half of one in a second.
    t.same(
      gaps.filter((gap) => gap < 1999),
      [],
      `partition ${partition}, of ${mine.length}: ${gaps.join()}`
    )
  }
})
