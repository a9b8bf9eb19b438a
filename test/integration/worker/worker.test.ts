import { createHash } from 'node:crypto'
import type { Job } from 'bullmq'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import type { Answer } from '../../../src/core/answer.ts'
import { applyDeadline } from '../../../src/core/transitions/on-deadline.ts'
import { cancel, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import type { Request, State } from '../../../src/core/request.ts'
import { beginSending } from '../../../src/core/transitions/on-send.ts'
import { applyFailure } from '../../../src/core/transitions/apply-decision.ts'
import { classify } from '../../../src/khipu/classify-answer.ts'
import type { Step } from '../../../src/ledger/advance.ts'
import { callbackId } from '../../../src/crypto/callback-id.ts'
import { connectWaiting } from '../../../src/redis/connect.ts'
import { bytes, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { addressOf } from '../../helpers/redis-address.ts'
import { ACKNOWLEDGED, ask, askIn, context, change } from '../../helpers/requests.ts'
import { DAY, HOUR, keysWith, openService, type Service, tick } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { type Answering, jobOf, openWorker } from '../../helpers/worker.ts'
import {
  type FlatWorkerDeps,
  advance,
  handleCallback,
  handleDeadline,
  handleSend,
  releaseParked,
  startWorker,
  sweep
} from '../../helpers/handlers.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

const find = async ({ catalog }: Service, requestId: string) => {
  const request = await catalog.find(requestId)
  if (request === null) throw new Error('there is no such request')
  return request
}

const SILENT: readonly [state: State, ago: number, expected: Partial<Request>][] = [
  ['awaiting-callback', HOUR, { state: 'retry-scheduled', reason: 'no-callback' }],
  ['sending', HOUR, { state: 'retry-scheduled', reason: 'no-callback' }],
  ['parked', 7 * DAY, { state: 'failed', reason: 'parked-too-long' }],
  ['awaiting-callback', 4 * DAY, { state: 'failed', reason: 'expired' }]
]

for (const [state, ago, expected] of SILENT) {
  t.test(`silence of ${ago / HOUR} h while ${state} leads to ${expected.reason}`, async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, state, { ago })
    t.equal(await handleDeadline(service, await jobOf(service, requestId)), undefined)
    const request = await find(service, requestId)
    t.match(request, expected)
    t.equal((await resultsOf(service)).length, expected.state === 'failed' ? 1 : 0)
    const jobs = await service.queues.send.getJobs()
    t.equal(jobs.length, expected.state === 'failed' ? 0 : 1)
    t.match(service.lines.at(-1), new RegExp(`"${expected.state}".*"deadline passed"`))
  })
}

t.test('a request that is never called back is sent three times, and fails', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { deps, sends } = openWorker(service)
  for (const attempt of [1, 2, 3]) {
    await handleSend(deps, await jobOf(service, requestId))
    t.equal(sends.length, attempt)
    await change(service, requestId, (request, now) => ({ ...request, dueAt: now }))
    await handleDeadline(service, await jobOf(service, requestId))
  }
  t.match(await find(service, requestId), { state: 'failed', reason: 'no-callback' })
  t.match(await resultsOf(service), [
    {
      name: 'failed',
      data: { reason: 'no-callback', attempts: 3, response: null, receivedAt: null }
    }
  ])
})

t.test('a deadline that wakes early goes back to sleep until its instant', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const job = await jobOf(service, requestId)
  const before = await service.catalog.now()
  const { sleepMs = 0 } = (await handleDeadline(service, job)) ?? {}
  const after = await service.catalog.now()
  t.ok(job.at - after <= sleepMs && sleepMs <= job.at - before)
  t.equal((await find(service, requestId)).state, 'awaiting-callback')
  t.equal(
    await handleDeadline(service, { ...job, at: job.at - 1 }),
    undefined,
    'another’s just ends'
  )
  t.equal(await handleDeadline(service, { requestId: v7(), at: 0 }), undefined)
  t.same(service.lines, [])
})

t.test('a callback in hand beats its deadline', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  const job = await jobOf(service, requestId)
  await receive(service, requestId, ok())
  await handleDeadline(service, job)
  t.match(await resultsOf(service), [{ id: requestId, name: 'delivered' }])
})

const CALLBACKS: readonly [
  what: string,
  envelope: object,
  expected: Partial<Request>,
  ms?: number
][] = [
  ['OK with data', ok(), { state: 'delivered', completeness: 'complete' }],
  ['OK without transactions', ok({ Data: { Transaction: [] } }), { completeness: 'empty' }],
  ['OK with Data null', ok({ Data: null }), { state: 'delivered', completeness: 'empty' }],
  ['OK but incomplete', ok({ AdditionalInformation: 'x' }), { completeness: 'incomplete' }],
  ['RETRY_IMMEDIATELY', error('RETRY_IMMEDIATELY'), { reason: 'retry-immediately' }, 0],
  ['a refused log-on', error('RETRY_IMMEDIATELY', 'E101'), { reason: 'refused-logon' }, 0],
  ['DO_NOT_RETRY', error('DO_NOT_RETRY'), { state: 'failed', reason: 'do-not-retry' }],
  [
    'WAIT_4_HOURS_BEFORE_RETRY',
    error('WAIT_4_HOURS_BEFORE_RETRY'),
    { state: 'retry-scheduled', reason: 'wait-4-hours' },
    4 * HOUR
  ],
  [
    'RETRY_AFTER_NOTIFICATION',
    error('RETRY_AFTER_NOTIFICATION', 'I001'),
    { state: 'parked', reason: 'retry-after-notification', code: 'I001' }
  ],
  ['an unknown Type', error('LATER'), { state: 'parked', reason: 'unknown-type' }],
  ['a Type that an object would have', error('constructor'), { reason: 'unknown-type' }],
  ['a missing Type', error(undefined), { state: 'parked', reason: 'unknown-type' }],
  ['A000 without a Type', error(undefined, 'A000'), { state: 'parked', reason: 'unauthorized' }],
  ['A000 with a Type', error('DO_NOT_RETRY', 'A000'), { state: 'failed', reason: 'do-not-retry' }]
]

for (const [what, envelope, expected, ms] of CALLBACKS) {
  t.test(
    `a callback with ${what} leads to ${expected.reason ?? expected.completeness}`,
    async (t) => {
      const service = await openService(t)
      const requestId = await askIn(service, 'awaiting-callback')
      await receive(service, requestId, envelope)
      const [received] = (await service.ledger.load(requestId))?.pending ?? []
      t.equal(await handleCallback(service, { requestId, at: 0 }), undefined)
      const request = await find(service, requestId)
      t.match(request, { ...expected, operationId: ok().OperationId })
      if (ms !== undefined) t.equal(request.dueAt, Number(received?.receivedAt) + ms)
      const results = await resultsOf(service)
      t.equal(results.length, request.endedAt === null ? 0 : 1)
      if (request.endedAt !== null) t.same(results[0]?.data['response'], envelope)
      t.match(service.lines.at(-1), /"callback decided"/)
    }
  )
}

t.test('a callback job that finds nothing to do changes nothing', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const before = await service.ledger.load(requestId)
  t.equal(await handleCallback(service, { requestId, at: 0 }), undefined)
  t.equal((await service.ledger.load(requestId))?.version, before?.version)
  t.equal(await handleCallback(service, { requestId: v7(), at: 0 }), undefined)
})

t.test('a notification between the failure and its parking lets the request go', async (t) => {
  const service = await openService(t)
  const any = { service: null, code: null, reason: null, requestIds: null }
  const rows: readonly [notification: object, state: State][] = [
    [{}, 'retry-scheduled'],
    [{ code: 'I001' }, 'retry-scheduled'],
    [{ code: 'E999' }, 'parked']
  ]
  for (const [notification, state] of rows) {
    const requestId = await askIn(service, 'awaiting-callback')
    await receive(service, requestId, error('RETRY_AFTER_NOTIFICATION', 'I001'))
    const releasing = await service.notifications.record({ ...any, ...notification })
    await releaseParked(service, releasing)
    await handleCallback(service, { requestId, at: 0 })
    t.equal((await find(service, requestId)).state, state)
  }
})

/** Starts the real workers with a pretend Khipu, until the test ends. */
function startAll(
  t: Test,
  service: Service,
  answer: Answering,
  wishes: Partial<FlatWorkerDeps> = {}
) {
  const connection = connectWaiting(addressOf(service.url), service.log)
  const { deps, sends } = openWorker(service, answer)
  const settings = { connection, concurrency: 4, sweepIntervalMs: DAY }
  const worker = startWorker({ ...deps, ...settings, ...wishes })
  t.teardown(async () => {
    await worker.close()
    connection.disconnect()
  })
  return { sends, worker }
}

const AT_ONCE = { delaysMs: [0], jitter: { share: 0 }, maxRetries: 3, retryAfterMaxMs: 0 }
const IMPATIENT = {
  ...BUILT_IN_POLICY,
  releasesPerSecond: 1000,
  retry: {
    'retry-immediately': AT_ONCE,
    'refused-logon': AT_ONCE,
    'wait-4-hours': AT_ONCE,
    temporary: AT_ONCE,
    'no-callback': { ...AT_ONCE, maxRetries: 1 }
  }
}

/** Calls back as the public listener would take it: stores, then wakes a worker. */
async function callBack(service: Service, callbackUrl: string, envelope: object) {
  const token = callbackUrl.split('/').at(-1) ?? ''
  const capability = service.capabilities.verify(token)
  if (capability === null) throw new Error('that is no capability')
  const { requestId, attempt } = capability
  await receive(service, requestId, envelope, attempt)
  await service.jobs.enqueueCallback(requestId, callbackId(attempt, bytes(envelope)))
}

const JOURNEYS: readonly [
  what: string,
  replies: readonly (object | null)[],
  name: string,
  expected: object
][] = [
  ['a result', [ok()], 'delivered', { attempts: 1, response: ok() }],
  [
    'two failures and a result',
    [error('RETRY_IMMEDIATELY'), error('WAIT_4_HOURS_BEFORE_RETRY'), ok()],
    'delivered',
    { attempts: 3, response: ok() }
  ],
  [
    'failures alone',
    [error('RETRY_IMMEDIATELY')],
    'failed',
    { attempts: 4, reason: 'retries-exhausted' }
  ],
  ['DO_NOT_RETRY', [error('DO_NOT_RETRY')], 'failed', { attempts: 1, reason: 'do-not-retry' }],
  ['silence once', [null, ok()], 'delivered', { attempts: 2, response: ok() }],
  ['silence', [null], 'failed', { attempts: 2, reason: 'no-callback', response: null }]
]

for (const [what, replies, name, expected] of JOURNEYS) {
  t.test(`the workers bring ${what} to ${name}`, async (t) => {
    const service = await openService(t, { policy: IMPATIENT, callbackTimeoutMs: 1000 })
    let sent = 0
    const { sends } = startAll(t, service, async ({ callbackUrl }) => {
      const reply = replies[Math.min(sent, replies.length - 1)] ?? null
      sent += 1
      if (reply !== null) await callBack(service, callbackUrl, reply)
      return { ...ACKNOWLEDGED, lifeSpan: reply === null ? '1ms' : null }
    })
    const requestId = await ask(service)
    await advance(service, requestId, (request) => request)
    await until('it has ended', async () => (await resultsOf(service)).length > 0)
    t.match(await resultsOf(service), [{ id: requestId, name, data: expected }])
    t.equal(sends.length, Object(expected).attempts)
    await until('all jobs are done', async () => {
      const { send: sendQueue, callback: callbacks, deadline: deadlines } = service.queues
      const counts = [sendQueue, callbacks, deadlines].map((queue) => queue.getJobCounts())
      return (await Promise.all(counts)).every((each) => Object.values(each).every((n) => n === 0))
    })
  })
}

t.test(
  'all keys of our queues lost in the middle: everything still ends exactly once',
  async (t) => {
    const service = await openService(t, { policy: IMPATIENT })
    const ids: string[] = []
    for (const state of ['queued', 'awaiting-callback', 'retry-scheduled'] as const) {
      for (let at = 0; at < 5; at += 1) ids.push(await askIn(service, state, { ago: HOUR }))
    }
    for (const id of ids) await advance(service, id, (request) => request)
    for (const name of ['send', 'paced', 'callback', 'deadline']) {
      const keys = await keysWith(service.redis, `${service.queuePrefix}:0}:${name}:`)
      await service.redis.unlink(keys.length > 0 ? keys : ['none'])
    }
    const answer: Answering = async ({ callbackUrl }) => {
      await callBack(service, callbackUrl, ok())
      return ACKNOWLEDGED
    }
    startAll(t, service, answer, { sweepIntervalMs: 20 })
    await until('all have ended', async () => {
      const { ended } = await service.catalog.totals()
      return ended['delivered'] === ids.length
    })
    await until('all are published', async () => (await resultsOf(service)).length >= ids.length)
    t.same((await resultsOf(service)).map(({ id }) => id).toSorted(), ids.toSorted())
  }
)

t.test('a sweep that hangs is given up, and the next one heals', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  let sweeps = 0
  const overdue: typeof service.catalog.overdue = (...args) => {
    sweeps += 1
    return sweeps === 1 ? new Promise(() => {}) : service.catalog.overdue(...args)
  }
  const catalog = { ...service.catalog, overdue }
  startAll(t, service, () => ACKNOWLEDGED, { catalog, sweepIntervalMs: 5, sweepLimitMs: 50 })
  await until('the next one is made', () => sweeps > 1)
  await until('it is healed', async () => (await find(service, requestId)).attempts.length > 1)
  t.match(service.lines.join(''), /"TimeoutError".*"sweep failed"/)
})

t.test('a sweep that fails is logged, and the next one is made', async (t) => {
  const service = await openService(t)
  let calls = 0
  const now = () => {
    calls += 1
    return calls === 1 ? Promise.reject(new Error('secret')) : service.catalog.now()
  }
  const catalog = { ...service.catalog, now }
  startAll(t, service, () => ACKNOWLEDGED, { catalog, sweepIntervalMs: 5 })
  await until('there were three', () => calls >= 3)
  t.match(service.lines.join(''), /"sweep failed"/)
  t.notMatch(service.lines.join(''), /secret/)
})

t.test('a worker that is closed finishes what it has in hand, and takes no more', async (t) => {
  const service = await openService(t)
  const gate = Promise.withResolvers<Answer>()
  const { sends, worker } = startAll(t, service, () => gate.promise, { concurrency: 1 })
  const [first, second] = [await ask(service), await ask(service)]
  await advance(service, first, (request) => request)
  await until('the first is being sent', () => sends.length === 1)
  const closed = worker.close()
  await advance(service, second, (request) => request)
  gate.resolve(ACKNOWLEDGED)
  await closed
  t.equal((await find(service, first)).state, 'awaiting-callback')
  t.equal((await find(service, second)).state, 'queued')
  t.equal(sends.length, 1)
})

const TEMPORARY: Answer = { type: 'temporary', httpStatus: 503, retryAfterMs: null, detail: 'x' }
const immediate = (content: object): Answer =>
  classify({ status: 200, retryAfter: undefined, body: bytes(content) }, 0)
const GOOD = [ok({ Data: { A: 1 } }), ok({ Data: { B: 2 } })]

interface World {
  readonly service: Service
  readonly requestId: string
  /** Good envelopes, in the order in which they came. */
  readonly good: { readonly envelope: object; readonly received: string }[]
}

type Happening = (world: World) => Promise<unknown>

const hurried =
  (step: Step): Step =>
  (request, world, entry) =>
    step(request.dueAt === null ? request : { ...request, dueAt: world.now }, world, entry)

const sent =
  (answer: Answer, good?: object): Happening =>
  async ({ service, requestId, good: all }) => {
    await advance(service, requestId, (request, { now }) => retryNow(request, 'tests', now))
    const { state } = await find(service, requestId)
    const { deps, sends } = openWorker(service, () => answer)
    await handleSend(deps, await jobOf(service, requestId))
    if (good && sends.length > 0) all.push({ envelope: good, received: state })
  }

// An error is acted on at once: one that ends the request makes late whatever comes after it.
const calledBack =
  (envelope: object, attempt: number): Happening =>
  async ({ service, requestId, good }) => {
    const isGood = GOOD.includes(envelope as (typeof GOOD)[number])
    const received = await receive(service, requestId, envelope, attempt)
    if (isGood && received !== 'duplicate') good.push({ envelope, received })
    if (!isGood) await handleCallback(service, { requestId, at: 0 })
    await tick(service)
  }

const HAPPENINGS: Readonly<Record<string, Happening>> = {
  'sent: 202': sent(ACKNOWLEDGED),
  'sent: 503': sent(TEMPORARY),
  'sent: lost': sent({ type: 'ambiguous', detail: 'ECONNRESET' }),
  'sent: 401': sent({
    type: 'refused',
    httpStatus: 401,
    cause: 'unauthorized',
    detail: 'HTTP 401'
  }),
  'sent: a result': sent(immediate(GOOD[0] ?? {}), GOOD[0]),
  'sent: an error': sent(immediate(error('RETRY_IMMEDIATELY'))),
  'called back: a result': calledBack(GOOD[0] ?? {}, 1),
  'called back: another result': calledBack(GOOD[1] ?? {}, 2),
  'called back: retry': calledBack(error('RETRY_IMMEDIATELY'), 1),
  'called back: park': calledBack(error('RETRY_AFTER_NOTIFICATION'), 2),
  'called back: do not retry': calledBack(error('DO_NOT_RETRY'), 1),
  'a callback job': ({ service, requestId }) => handleCallback(service, { requestId, at: 0 }),
  'a deadline': ({ service, requestId }) => advance(service, requestId, hurried(applyDeadline)),
  'a notification': async ({ service }) =>
    releaseParked(
      service,
      await service.notifications.record({
        service: null,
        code: null,
        reason: null,
        requestIds: null
      })
    ),
  'a cancellation': ({ service, requestId }) =>
    advance(service, requestId, (request, { now }) => cancel(request, 'tests', now)),
  'a crash before publishing': ({ service, requestId }) => {
    const publish = () => Promise.reject(new Error('crashed'))
    const jobs = { ...service.jobs, publish }
    return advance({ ...service, jobs }, requestId, (request) => request).catch(() => {})
  }
}

const CANCEL = HAPPENINGS['a cancellation'] as Happening

/** What must be so of a request once it has ended, whatever came before. */
async function faultsAtTheEnd({ service, requestId, good }: World): Promise<string[]> {
  const request = await find(service, requestId)
  const result = (await service.resultQueue.getJob(requestId)) as Job<{ response: object }>
  const first = good.find(({ received }) => received !== 'late')?.envelope
  const kept = await service.quarantine.list(null, 99)
  for (const { quarantineId } of kept) await service.quarantine.discard(quarantineId)
  const hash = (envelope: object) => createHash('sha256').update(bytes(envelope)).digest('hex')
  const isSomewhere = ({ envelope }: World['good'][number]) =>
    hash(envelope) === hash(result.data.response) ||
    kept.some(({ sha256 }) => sha256 === hash(envelope))
  const { tag, redis } = service
  const checks: Readonly<Record<string, boolean>> = {
    'it has ended and is published': request.endedAt !== null && request.publishedAt !== null,
    'its result says how it ended':
      result.name === (request.state === 'delivered' ? 'delivered' : 'failed'),
    'the first good result is delivered':
      first === undefined
        ? request.state !== 'delivered'
        : hash(result.data.response) === hash(first),
    'no good result is lost': good.every(isSomewhere),
    'nothing is left of its secrets': (await service.ledger.openInput(requestId)) === null,
    'no body is left in the ledger': (await redis.exists(`${tag}:bodies:${requestId}`)) === 0,
    'nothing is pending': (await service.ledger.load(requestId))?.pending.length === 0
  }
  return Object.keys(checks).filter((what) => checks[what] !== true)
}

t.test('whatever happens in whatever order, a request ends exactly once', async (t) => {
  const service = await openService(t, { policy: IMPATIENT })
  const names = fc.array(fc.constantFrom(...Object.keys(HAPPENINGS)), { maxLength: 14 })
  let requests = 0
  const property = fc.asyncProperty(names, async (happenings) => {
    const world: World = { service, requestId: await ask(service), good: [] }
    requests += 1
    for (const name of happenings) await HAPPENINGS[name]?.(world)
    await CANCEL(world)
    await sweep({
      ...service,
      catalog: { ...service.catalog, now: async () => (await service.catalog.now()) + HOUR }
    })
    const faults = await faultsAtTheEnd(world)
    if (faults.length > 0) throw new Error(`not so: ${faults.join(', ')}`)
  })
  await t.resolves(fc.assert(property, { numRuns: 150 }))
  const { accepted, live, ended } = await service.catalog.totals()
  const sum = (counts: object) => Object.values(counts).reduce((all, one) => all + one, 0)
  t.equal(accepted, requests)
  t.equal(sum(ended), requests)
  t.equal(sum(live), 0)
  t.equal((await resultsOf(service)).length, requests, 'each has one result')
})

t.test('whatever happens at once, a request ends exactly once', async (t) => {
  const service = await openService(t, { policy: IMPATIENT })
  const names = fc.shuffledSubarray(Object.keys(HAPPENINGS), { minLength: 6 })
  let requests = 0
  const property = fc.asyncProperty(names, async (chosen) => {
    const world: World = { service, requestId: await ask(service), good: [] }
    requests += 1
    await Promise.all(chosen.map(async (name) => HAPPENINGS[name]?.(world)))
    await CANCEL(world)
    return (await find(service, world.requestId)).publishedAt !== null
  })
  await t.resolves(fc.assert(property, { numRuns: 50 }))
  t.equal((await resultsOf(service)).length, requests, 'each has one result')
})

t.test('limits hold however a request failed', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const causes = ['wait-4-hours', 'temporary'] as const
  for (let round = 0; round < 14; round += 1) {
    await change(service, requestId, (request, now) => {
      const world = context(service, now)
      const due = { ...request, dueAt: now } as Request
      const failure = {
        cause: causes[round % 2] ?? 'temporary',
        code: null,
        receivedAt: now,
        retryAfterMs: null
      }
      return request.endedAt === null
        ? applyFailure(beginSending(due, world, 1), failure, world)
        : request
    })
  }
  const request = await find(service, requestId)
  t.match(request, { state: 'failed', reason: 'retries-exhausted' })
  t.equal(request.attempts.length, 10)
})
