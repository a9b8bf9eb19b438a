import t from 'tap'
import { v7 } from 'uuid'
import { applyDeadline } from '../../../src/core/transitions/on-deadline.ts'
import { cancel } from '../../../src/core/transitions/on-operator.ts'
import { note, type Request } from '../../../src/core/request.ts'
import type { Jobs, Step } from '../../../src/ledger/advance.ts'
import { callbackId } from '../../../src/crypto/callback-id.ts'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import { bytes, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { ask, askIn, change, INPUT } from '../../helpers/requests.ts'
import { HOUR, openService, type Service, tick } from '../../helpers/service.ts'
import { advance } from '../../helpers/handlers.ts'

const unchanged: Step = (request) => request
const noticed: Step = (request) => note(request, { at: 0, event: 'noticed' })
const cancelled: Step = (request, { now }) => cancel(request, 'tests', now)

const events = ({ history }: Request) => history.map(({ event }) => event)
const endings = ({ ended }: { ended: Readonly<Record<string, number>> }) =>
  Object.values(ended).reduce((sum, count) => sum + count, 0)

/** A ledger that tells of its commits, and may be made to fail at one. */
function watched(ledger: Ledger, told: { version: string; won: boolean }[]): Ledger {
  return {
    ...ledger,
    async commit(entry, changed) {
      const committed = await ledger.commit(entry, changed)
      told.push({ version: entry.version, won: committed.done })
      return committed
    }
  }
}

/** Fails at its first call, as a crash there would, and works from then on. */
function failingOnce<A extends unknown[], R>(work: (...args: A) => Promise<R>) {
  let failed = false
  return async (...args: A): Promise<R> => {
    if (failed) return work(...args)
    failed = true
    throw new Error('crashed')
  }
}

t.test('of an unknown request there is nothing to advance', async (t) => {
  t.equal(await advance(await openService(t), v7(), noticed), null)
})

t.test('a step that changes nothing commits nothing, and still ensures the jobs', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const advanced = await advance(service, requestId, unchanged)
  t.equal(advanced?.after, advanced?.before)
  t.equal((await service.ledger.load(requestId))?.version, '1')
  t.equal((await service.queues.send.getJobs()).length, 1)
})

t.test('a step is told of the world, and of what was before and after', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { notification } = await service.notifications.record({
    service: null,
    code: 'E201',
    reason: null,
    requestIds: null
  })
  await change(service, requestId, (request, now) => ({
    ...request,
    attempts: [{ number: 1, sendingAt: now - HOUR, dueAt: now - HOUR, cause: null }]
  }))
  const told: unknown[] = []
  const advanced = await advance(service, requestId, (request, context) => {
    told.push({ request, ...context })
    return note(request, { at: context.now, event: 'noticed' })
  })
  const { policy, callbackTimeoutMs } = service
  const now = advanced?.now ?? 0
  t.match(told, [{ request: advanced?.before, policy, callbackTimeoutMs, random: 0, now }])
  t.match(told, [{ notifications: [notification] }])
  t.same(advanced?.after, await service.catalog.find(requestId))
  t.same(events(advanced?.before as Request), ['accepted'])
})

t.test('a step that changes nothing leaves the input, whatever its callbacks change', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, error('WAIT_4_HOURS_BEFORE_RETRY'))
  const sealed = service.ledger.seal(requestId, { RequestData: {} })
  const advanced = await advance(service, requestId, unchanged, { sealed })
  t.equal(advanced?.after.state, 'retry-scheduled')
  t.same(await service.ledger.openInput(requestId), INPUT)
})

t.test('of twenty advances at once each wins exactly one version', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const commits: { version: string; won: boolean }[] = []
  const deps = { ...service, ledger: watched(service.ledger, commits) }
  await Promise.all(Array.from({ length: 20 }, () => advance(deps, requestId, noticed)))
  const entry = await service.ledger.load(requestId)
  t.equal(entry?.version, '21')
  t.equal(entry?.request.history.length, 21)
  const won = commits.filter((commit) => commit.won).map(({ version }) => Number(version))
  t.same(
    won.toSorted((one, other) => one - other),
    [...Array(20).keys()].map((at) => at + 1)
  )
  t.ok(
    commits.some((commit) => !commit.won),
    'though they were in each other’s way'
  )
})

t.test('a callback in hand comes before a deadline, a retry and a cancellation', async (t) => {
  for (const [what, step] of [
    ['deadline', applyDeadline],
    ['cancellation', cancelled]
  ] as const) {
    const service = await openService(t)
    const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
    await receive(service, requestId, ok())
    const advanced = await advance(service, requestId, step)
    t.equal(advanced?.before.state, 'delivered', what)
    t.equal(advanced?.after.state, 'delivered', what)
    t.match(await resultsOf(service), [{ id: requestId, name: 'delivered' }], what)
  }
})

t.test('what is accepted between a load and its commit beats that commit', async (t) => {
  for (const step of [applyDeadline, cancelled]) {
    const service = await openService(t)
    const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
    const receiving = failingOnce(service.ledger.commit)
    const commit: Ledger['commit'] = (entry, changed) =>
      receiving(entry, changed).catch(async () => {
        t.equal(await receive(service, requestId, ok()), 'accepted')
        return service.ledger.commit(entry, changed)
      })
    const ledger = { ...service.ledger, commit }
    const advanced = await advance({ ...service, ledger }, requestId, step)
    t.equal(advanced?.after.state, 'delivered')
    t.match(await resultsOf(service), [{ id: requestId, name: 'delivered' }])
  }
})

t.test('callbacks are acted on in the order in which they came', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  for (const data of [{ A: 1 }, { B: 2 }, { C: 3 }]) {
    await receive(service, requestId, ok({ Data: data }))
    await tick(service)
  }
  await advance(service, requestId, unchanged)
  t.match(await resultsOf(service), [{ data: { response: { Data: { A: 1 } } } }])
  t.match(await service.quarantine.list(null, 9), [{ kind: 'conflict' }, { kind: 'conflict' }])
})

const FIRST = ok({ Data: { Transaction: [{ TransactionId: 'first' }] } })

t.test('twenty callbacks and deadlines at once end a request exactly once', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  await receive(service, requestId, FIRST)
  await tick(service)
  const all = Array.from({ length: 20 }, async (_, at) => {
    if (at % 2 === 0) await receive(service, requestId, ok({ AdditionalInformation: `${at}` }))
    await advance(service, requestId, at % 2 === 0 ? unchanged : applyDeadline)
  })
  await Promise.all(all)
  const totals = await service.catalog.totals()
  t.match(totals, { accepted: 1, ended: { delivered: 1 } })
  t.equal(endings(totals), 1)
  t.match(await resultsOf(service), [{ id: requestId, data: { response: FIRST } }])
  const request = await service.catalog.find(requestId)
  t.equal(request && events(request).filter((event) => event === 'delivered').length, 1)
  t.equal(request && events(request).filter((event) => event === 'result-published').length, 1)
  t.equal((await service.quarantine.usage()).entries, 10, 'and no other body is lost')
})

t.test('a cancellation and a callback at once end a request exactly once', async (t) => {
  const service = await openService(t)
  for (let round = 1; round <= 20; round += 1) {
    const requestId = await askIn(service, 'awaiting-callback')
    await Promise.all([
      receive(service, requestId, ok()).then(() => advance(service, requestId, unchanged)),
      advance(service, requestId, cancelled)
    ])
    const request = await service.catalog.find(requestId)
    const outcomes = (await resultsOf(service)).filter(({ id }) => id === requestId)
    const kept = (await service.quarantine.list(null, 99)).map((entry) => entry.requestId)
    const delivered = request?.state === 'delivered'
    t.match(outcomes, [{ name: delivered ? 'delivered' : 'failed' }])
    t.equal(kept.includes(requestId), !delivered, 'what came too late is kept')
    t.equal(endings(await service.catalog.totals()), round)
  }
})

type Crash = (service: Service) => { ledger?: Ledger; jobs?: Jobs }

const CRASHES: readonly [where: string, crash: Crash][] = [
  [
    'before the commit',
    ({ ledger }) => ({ ledger: { ...ledger, commit: failingOnce(ledger.commit) } })
  ],
  [
    'between the commit and the jobs',
    ({ jobs }) => ({ jobs: { ...jobs, ensure: failingOnce(jobs.ensure) } })
  ],
  [
    'before the result is published',
    ({ jobs }) => ({ jobs: { ...jobs, publish: failingOnce(jobs.publish) } })
  ],
  [
    'after the result was published',
    ({ jobs }) => {
      const crash = failingOnce(async () => {})
      const publish: Jobs['publish'] = async (...args) => {
        await jobs.publish(...args)
        await crash()
        return true
      }
      return { jobs: { ...jobs, publish } }
    }
  ],
  [
    'before it is noted that the result was published',
    ({ ledger }) => {
      const crash = failingOnce(async () => {})
      const commit: Ledger['commit'] = async (entry, changed) => {
        if (changed.request.publishedAt !== null) await crash()
        return ledger.commit(entry, changed)
      }
      return { ledger: { ...ledger, commit } }
    }
  ]
]

for (const [where, crash] of CRASHES) {
  t.test(`a crash ${where} is healed by running the same again`, async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, 'awaiting-callback')
    await receive(service, requestId, ok())
    const deps = { ...service, ...crash(service) }
    await t.rejects(advance(deps, requestId, unchanged), { message: 'crashed' })
    await advance(deps, requestId, unchanged)
    t.match(await service.catalog.find(requestId), { state: 'delivered', publishedAt: Number })
    t.match(await resultsOf(service), [{ id: requestId, data: { response: ok() } }])
    t.match(await service.catalog.totals(), { accepted: 1, ended: { delivered: 1 } })
    const body = await service.ledger.openBody(requestId, callbackId(1, bytes(ok())))
    t.equal(body, null, 'and the envelope is shredded')
  })
}

t.test('a published result is not published again, and its envelope not missed', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, ok())
  await advance(service, requestId, unchanged)
  await service.resultQueue.obliterate({ force: true })
  await advance(service, requestId, unchanged)
  await advance(service, requestId, noticed)
  t.same(await resultsOf(service), [])
})

t.test('a failure is published with the envelope that made it one', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { reference: 'run-1' })
  await receive(service, requestId, error('DO_NOT_RETRY', 'E401'))
  await advance(service, requestId, unchanged)
  t.match(await resultsOf(service), [
    {
      id: requestId,
      name: 'failed',
      data: {
        outcome: 'failed',
        reason: 'do-not-retry',
        reference: 'run-1',
        response: error('DO_NOT_RETRY', 'E401')
      }
    }
  ])
})
