import { type Job, Queue, UnrecoverableError } from 'bullmq'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startRedis } from '../../../simulator/private-redis.ts'
import type { Request, State } from '../../../src/core/request.ts'
import { connectFailingFast, connectWaiting } from '../../../src/redis/connect.ts'
import { consume, type Handler } from '../../../src/queue/consume.ts'
import type { JobData, QueueName } from '../../../src/queue/queues.ts'
import type { ResultHead } from '../../../src/core/result-head.ts'
import { check } from '../../../src/schemas/validate.ts'
import { bytes, error, ok, resultsOf } from '../../helpers/callbacks.ts'
import { addressOf } from '../../helpers/redis-address.ts'
import { ask, askIn } from '../../helpers/requests.ts'
import { DAY, HOUR, jobsOf, openLog, openService, type Service } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

const QUEUES = ['send', 'paced', 'callback', 'deadline'] as const

async function requestIn(service: Service, state: State, ago = 0): Promise<Request> {
  const request = await service.catalog.find(await askIn(service, state, { ago }))
  if (request === null) throw new Error('there is no such request')
  return request
}

async function jobIds(service: Service) {
  const ids = async (name: QueueName) => {
    const jobs = await service.queues[name].getJobs()
    return jobs.map(({ id }) => id ?? '').toSorted()
  }
  const [send, paced, callback, deadline] = await Promise.all(QUEUES.map(ids))
  return { send, paced, callback, deadline }
}

/** A deadline has none before its instant. */
const JOBS: Readonly<Record<State, 'send' | null>> = {
  queued: 'send',
  sending: null,
  'awaiting-callback': null,
  'retry-scheduled': 'send',
  parked: null,
  delivered: null,
  failed: null,
  cancelled: null
}

for (const [state, type] of Object.entries(JOBS) as [State, (typeof JOBS)[State]][]) {
  t.test(`a request that is ${state} has ${type ?? 'no'} job, once and for all`, async (t) => {
    const service = await openService(t)
    const request = await requestIn(service, state)
    const now = await service.catalog.now()
    for (const again of [1, 2, 3]) await service.jobs.ensure(request, now + again)
    await Promise.all([1, 2, 3].map(() => service.jobs.ensure(request, now)))
    const { requestId, attempts, dueAt } = request
    const none: string[] = []
    const expected = { send: [...none], paced: none, callback: none, deadline: [...none] }
    if (type !== null) expected[type].push(`${type}-${requestId}-${attempts.length}-${dueAt}`)
    t.same(await jobIds(service), expected)
    for (const name of QUEUES) {
      for (const job of await service.queues[name].getJobs()) {
        t.same(job.data, { requestId, at: dueAt }, 'it carries no more than this')
      }
    }
  })
}

t.test('a job sleeps until its instant', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'retry-scheduled')
  const now = Number(request.dueAt) - 1234
  await service.jobs.ensure(request, now)
  const [job] = await service.queues.send.getJobs()
  t.equal(job?.opts.delay, 1234)
  t.equal(await job?.isDelayed(), true)
})

t.test('a job whose instant has passed sleeps no more', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'queued', HOUR)
  await service.jobs.ensure(request, await service.catalog.now())
  const [job] = await service.queues.send.getJobs()
  t.equal(job?.opts.delay, 0)
  t.equal(await job?.isWaiting(), true)
})

t.test('a deadline has a job from its instant on, and one only', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'awaiting-callback')
  const { requestId, attempts, dueAt } = request
  const jobId = `deadline-${requestId}-${attempts.length}-${dueAt}`
  await service.jobs.ensure(request, Number(dueAt) - 1)
  t.same((await jobIds(service)).deadline, [])
  await service.jobs.ensure(request, Number(dueAt))
  t.same((await jobIds(service)).deadline, [jobId])
  await Promise.all([1, 2, 3].map(() => service.jobs.ensure(request, Number(dueAt))))
  t.same((await jobIds(service)).deadline, [jobId])
  t.equal(await (await service.queues.deadline.getJob(jobId))?.isWaiting(), true)
})

t.test('a received callback wakes one job, however often it is said', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const id = (attempt: number, char: string) => `${attempt}.${char.repeat(64)}`
  for (const callbackId of [id(1, 'a'), id(1, 'a'), id(2, 'a'), id(1, 'b')]) {
    await service.jobs.enqueueCallback(requestId, callbackId)
  }
  const { callback } = await jobIds(service)
  t.equal(callback?.length, 3)
  const [job] = await service.queues.callback.getJobs()
  t.same(job?.data, { requestId, at: 0 })
})

t.test('promote promotes a job that sleeps past its instant', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'retry-scheduled')
  const dueAt = Number(request.dueAt)
  await service.jobs.ensure(request, dueAt - HOUR)
  await service.jobs.promote(request, dueAt - 1)
  const [job] = await service.queues.send.getJobs()
  t.equal(await job?.isDelayed(), true, 'not before its instant')
  await Promise.all(Array.from({ length: 5 }, () => service.jobs.promote(request, dueAt)))
  t.equal(await job?.isWaiting(), true, 'from its instant on')
  await service.jobs.promote(request, dueAt)
  t.equal(await job?.isWaiting(), true)
  t.equal((await service.queues.send.getJobs()).length, 1)
})

t.test('promote makes a job again that was lost', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'awaiting-callback', 2 * HOUR)
  const now = await service.catalog.now()
  await service.jobs.ensure(request, now)
  await service.queues.deadline.obliterate({ force: true })
  await service.jobs.promote(request, now)
  const [job] = await service.queues.deadline.getJobs()
  t.equal(await job?.isWaiting(), true)
  t.same(job?.data, { requestId: request.requestId, at: request.dueAt })
})

t.test('promote has nothing to do for a request that has ended', async (t) => {
  const service = await openService(t)
  await service.jobs.promote(await requestIn(service, 'failed', HOUR), await service.catalog.now())
  t.same(await jobIds(service), { send: [], paced: [], callback: [], deadline: [] })
})

t.test('a result is published once, under the id of its request', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'delivered')
  await Promise.all([1, 2, 3].map(() => service.jobs.publish(request, async () => bytes(ok()))))
  await service.jobs.publish(request, async () => bytes(ok({ Data: [] })))
  const results = await resultsOf(service)
  t.match(results, [{ id: request.requestId, name: 'delivered', data: { response: ok() } }])
  t.equal(results.length, 1)
  t.match(check('result', results[0]?.data), { valid: true })
})

t.test('a result without an envelope has a response of null', async (t) => {
  const service = await openService(t)
  const failed = await requestIn(service, 'failed')
  await service.jobs.publish(failed, async () => null)
  const [result] = await resultsOf(service)
  t.match(result, { name: 'failed', data: { response: null, reason: 'do-not-retry' } })
  t.match(check('result', result?.data), { valid: true })
})

t.test('a result has the deviations of its envelope, which are counted and logged', async (t) => {
  const service = await openService(t)
  const counted: unknown[] = []
  const jobs = jobsOf(service, service.log, { deviated: (found) => counted.push(...found) })
  const text = JSON.stringify(ok({ Data: { Transaction: [{}, { Amount: 'RAW', Status: 7 }] } }))
  const numbers = '{"Amount":12345678901234567890,"Currency":1e400}'
  const body = Buffer.from(text.replace('"RAW"', numbers))
  await jobs.publish(await requestIn(service, 'delivered'), async () => body)
  await jobs.publish(await requestIn(service, 'delivered'), async () => bytes(ok()))
  await jobs.publish(await requestIn(service, 'failed'), async () => null)
  const deviations = [
    { path: '/Data/Transaction/1/Status', rule: 'type' },
    { path: '/Data/Transaction/1/Amount/Currency', rule: 'type' }
  ]
  const results = await resultsOf(service)
  const found = results.flatMap(({ data }) => data['deviations'] as unknown[])
  t.same(new Set(found), new Set(deviations))
  t.ok(results.every(({ data }) => check('result', data).valid))
  t.same(new Set(counted), new Set(deviations))
  const logged = service.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const published = logged.filter(({ msg }) => msg === 'result published')
  t.same(
    published.map((line) => line['deviations']),
    [2, 0, 0]
  )
})

t.test('the envelope of a result is deep-equal to what came', async (t) => {
  const service = await openService(t)
  const odd = {
    ...ok(),
    Unknown: [null, 0, -1.5e-7, '', '\u0000ñ😀', { '': {} }],
    Data: { B: 1, A: [] }
  }
  const text = JSON.stringify(odd).replace(
    '"Unknown"',
    '"__proto__":{"a":1},"constructor":2,"Unknown"'
  )
  await service.jobs.publish(await requestIn(service, 'delivered'), async () =>
    Buffer.from(`\n ${text} `)
  )
  const [result] = await resultsOf(service)
  t.equal(JSON.stringify(result?.data['response']), text)
})

const NUMBERS = [
  '12345678901234567890',
  '-0.12345678901234567890',
  '1e400',
  '1E-400',
  '7',
  '0.10',
  '-0.0'
]

t.test('numbers reach a consumer as they were written', async (t) => {
  const service = await openService(t)
  const text = JSON.stringify(ok({ Data: { Numbers: '?' } })).replace('"?"', `[${NUMBERS.join()}]`)
  const request = await requestIn(service, 'delivered')
  await service.jobs.publish(request, async () => Buffer.from(text))
  const key = `${service.queuePrefix}:khipu-results:${request.requestId}`
  const stored = await service.redis.hget(key, 'data')
  t.ok(stored?.includes(`"response":${text}`))
})

t.test('a late result has an id of its own, beside that of the request', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'failed')
  await service.jobs.publish(request, async () => bytes(error('DO_NOT_RETRY')))
  const [first] = await resultsOf(service)
  const late = { ...first?.data, outcome: 'delivered' } as unknown as ResultHead
  await service.jobs.publishLate(late, bytes(ok()))
  await service.jobs.publishLate(late, bytes(ok()))
  const ids = (await resultsOf(service)).map(({ id }) => id).toSorted()
  t.same(ids, [request.requestId, `${request.requestId}-late`])
})

t.test('a consumer opens the result queue with its name and the prefix alone', async (t) => {
  const service = await openService(t)
  const request = await requestIn(service, 'delivered')
  await service.jobs.publish(request, async () => bytes(ok()))
  const connection = new Redis(service.url, { maxRetriesPerRequest: null })
  const queue = new Queue('khipu-results', { connection, prefix: service.queuePrefix })
  const job = (await queue.getJob(request.requestId)) as Job | undefined
  t.equal(job?.name, 'delivered')
  t.match(job?.opts, { removeOnComplete: { age: (3 * DAY) / 1000 }, attempts: 8 })
  t.notOk(Object.hasOwn(Object(job?.opts.removeOnComplete), 'count'), 'an age, never a count')
  await queue.close()
  connection.disconnect()
})

/** Runs a handler on a queue of the service until the test ends. */
function work(
  t: Test,
  service: Service,
  name: QueueName,
  handle: Handler,
  { handlerLimitMs = HOUR, perSecond = Infinity } = {}
): void {
  const { tag, log, url } = service
  const connection = connectWaiting(addressOf(url), log)
  const settings = { connection, tag, concurrency: 2, handlerLimitMs, log }
  const worker = consume(name, handle, settings, perSecond)
  t.teardown(async () => {
    await worker.close()
    connection.disconnect()
  })
}

/** A service that handles the job of a request, once that job is ensured: it has long been due. */
async function openDue(t: Test, handle: Handler, { handlerLimitMs = HOUR } = {}) {
  const service = await openService(t)
  const request = await requestIn(service, 'queued', HOUR)
  work(t, service, 'send', handle, { handlerLimitMs })
  const ensure = () => service.jobs.ensure(request, Number(request.dueAt))
  return { service, request, ensure }
}

const untilGone = ({ queues }: Service) =>
  until('it is gone', async () => (await queues.send.getJobs()).length === 0)

/** The job, once it sleeps: its handler has failed, or has put it to sleep. */
async function sleeping({ queues }: Service): Promise<Job | undefined> {
  await until('it sleeps', async () => (await queues.send.getDelayedCount()) === 1)
  const [job] = await queues.send.getJobs()
  return job
}

t.test('a handled job is gone, and its id is free again', async (t) => {
  const handled: JobData[] = []
  const { service, request, ensure } = await openDue(t, async (job) => void handled.push(job))
  for (const round of [1, 2]) {
    await ensure()
    await until('it is handled', () => handled.length === round)
    await untilGone(service)
  }
  const { requestId, dueAt } = request
  t.same(handled[0], { requestId, at: dueAt })
})

t.test('a handler that hangs gives up its place, and its job is tried again', async (t) => {
  let handled = 0
  const hangs = async () => {
    handled += 1
    if (handled <= 2) await new Promise(() => {})
    return undefined
  }
  const { service, ensure } = await openDue(t, hangs, { handlerLimitMs: 50 })
  await ensure()
  await untilGone(service)
  t.equal(handled, 3)
  t.match(
    service.lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'handler failed'),
    [{ error: 'HandlerTimeout' }, { error: 'HandlerTimeout' }]
  )
})

t.test('a queue with a pace lets no more through than that, on all workers together', async (t) => {
  const service = await openService(t)
  const at: number[] = []
  for (let worker = 0; worker < 2; worker += 1) {
    work(t, service, 'paced', async () => void at.push(Date.now()), { perSecond: 50 })
  }
  const jobs = Array.from({ length: 25 }, (_, index) => ({
    name: 'paced',
    data: { requestId: String(index), at: 0 }
  }))
  await service.queues.paced.addBulk(jobs)
  await until('all are handled', () => at.length === jobs.length)
  const [first = 0, last = 0] = [at[0], at.at(-1)]
  t.ok(last - first >= 24 * 20 - 20, `25 of them in ${last - first} ms`)
})

t.test('a job that was woken early goes back to sleep, and is handled once more', async (t) => {
  let handled = 0
  const { service, ensure } = await openDue(t, async () => {
    handled += 1
    return handled === 1 ? { sleepMs: HOUR } : undefined
  })
  await ensure()
  const job = await sleeping(service)
  t.equal(handled, 1)
  t.ok(Number(job?.delay) > HOUR / 2)
  t.equal(job?.attemptsMade, 0, 'that was no failure')
  await job?.promote()
  await until('it is handled again', () => handled === 2)
  await untilGone(service)
})

t.test('a handler that throws is run again, and what it said is not logged', async (t) => {
  let handled = 0
  const { service, ensure } = await openDue(t, async () => {
    handled += 1
    if (handled === 1) throw new RangeError('secret of the account')
    return undefined
  })
  await ensure()
  await (await sleeping(service))?.promote()
  await until('it is handled again', () => handled === 2)
  const logged = service.lines.join('')
  t.match(logged, /"requestId":"[0-9a-f-]{36}","error":"RangeError"/)
  t.notMatch(logged, /secret of the account/)
})

t.test('of what a handler throws its job has the code alone', async (t) => {
  const rows: [fault: unknown, code: string][] = [
    [new RangeError('secret of the account'), 'RangeError'],
    [Object.assign(new Error('secret of the account'), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [new Error('secret', { cause: new Error('secret of the account') }), 'Error'],
    ['secret of the account', 'unknown']
  ]
  for (const [fault, code] of rows) {
    await t.test(code, async (t) => {
      const { service, ensure } = await openDue(t, () => Promise.reject(fault))
      await ensure()
      const job = await sleeping(service)
      t.equal(job?.failedReason, code)
      t.same(job?.stacktrace, [])
      const events = await service.redis.xrange(`${service.tag}:send:events`, '-', '+')
      const stored = await service.redis.hgetall(`${service.tag}:send:${job?.id}`)
      t.match(stored, { failedReason: code })
      t.notMatch(JSON.stringify([stored, events]), /secret/)
      await until('it is logged', () => service.lines.join('').includes(`"error":"${code}"`))
    })
  }
})

t.test('what orders BullMQ to do something reaches it', async (t) => {
  let handled = 0
  const { service, ensure } = await openDue(t, async () => {
    handled += 1
    throw new UnrecoverableError()
  })
  await ensure()
  await untilGone(service)
  t.equal(handled, 1, 'it is not tried again')
})

t.test('while Redis is away', async (t) => {
  const redis = await startRedis({ url: null })
  t.teardown(() => redis.stop())
  const { lines, log } = openLog()
  const fast = connectFailingFast(addressOf(redis.url), log)
  const waiting = connectWaiting(addressOf(redis.url), log)
  t.teardown(() => {
    fast.disconnect()
    waiting.disconnect()
  })
  await until('both are ready', () => fast.status === 'ready' && waiting.status === 'ready')
  await redis.kill()
  await until('both have noticed', () => fast.status !== 'ready' && waiting.status !== 'ready')
  await t.rejects(fast.set('key', 'value'), 'a listener hears at once that it can’t be stored')
  const stored = waiting.set('key', 'value')
  await until(
    'both are lost',
    () => lines.filter((line) => line.includes('redis lost')).length === 2
  )
  await redis.restart()
  t.equal(await stored, 'OK', 'a worker waits')
  await until(
    'the listener is back',
    async () => (await fast.get('key').catch(() => '')) === 'value'
  )
  t.equal(lines.filter((line) => line.includes('redis lost')).length, 2, 'logged once each')
  t.equal(lines.filter((line) => line.includes('redis reconnected')).length, 2)
})
