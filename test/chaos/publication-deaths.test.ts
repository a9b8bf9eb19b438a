import t from 'tap'
import { takeTime } from '../helpers/patience.ts'
import { postSample } from '../helpers/sample-callback.ts'
import type { Env, Service } from '../helpers/service-process.ts'
import { startWorker } from '../helpers/start-worker.ts'
import { until } from '../helpers/until.ts'
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
  view,
  type World
} from '../helpers/world.ts'

// It replaces a method of BullMQ, which a bundle holds inside.
delete process.env['BUILT']

takeTime(t)

const HOUR_MS = 60 * 60_000
const TRIES = 3
const POISON = 'poison-in-a-result'

/** The settings of a process that dies of publishing a result with the poison in it. */
function deadly(side: 'before' | 'after'): Env {
  const preload = new URL('../helpers/deadly-publication.ts', import.meta.url).href
  const NODE_OPTIONS = `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}`
  return { NODE_OPTIONS, DEADLY_TEXT: POISON, DEADLY_SIDE: side }
}

/** A world in which the test alone calls back, with one process that listens. It dies where it publishes the poison. */
async function startDeadly(scope: Parameters<typeof startWorld>[0], side: 'before' | 'after') {
  const world = await startWorld(scope, {
    khipu: { callbackDelayMs: HOUR_MS },
    env: { SWEEP_INTERVAL: '1s' }
  })
  const server = await world.start({ ROLE: 'server', ...deadly(side) })
  const work = (env: Env = {}) => startWorker(world, env)
  return { world, server, work }
}

/** Calls back for an account, once Khipu was asked for it; what the service answers. */
async function callBack({ khipu }: World, account: string, changes: object) {
  const asked = await until(`Khipu is asked for ${account}`, () =>
    khipu.calls.find((one) => one.account === account)
  )
  return postSample<{ quarantineId?: string }>(asked.callbackUrl, changes)
}

const jobsOf = async (world: World, requestId: string) =>
  (await resultJobs(world)).filter(({ id }) => id?.startsWith(requestId))

/** What a request has been through, event by event. */
const eventsOf = async (server: Service, requestId: string) =>
  (await view(server, requestId)).history.map(({ event }) => event)

const concernsOf = async (server: Service) =>
  (await server.api<{ concerns: string[] }>('GET', '/health/ready')).body.concerns.join()

function isAlive({ pid }: Service): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

for (const [side, onTheQueue] of [
  ['before', 0],
  ['after', 1]
] as const) {
  t.test(
    `a result whose publication kills the worker, ${side} its job is added, is set aside`,
    { buffered: true },
    async (t) => {
      const { world, server, work } = await startDeadly(t, side)
      let worker = await work(deadly(side))
      const poisoned = await ask(server, accountOf('1001', 1))
      await inState(server, poisoned, 'awaiting-callback')
      const taken = await callBack(world, accountOf('1001', 1), { OperationId: POISON })
      t.match(taken, { status: 200, body: { status: 'accepted' } })

      let other = ''
      for (let death = 1; death <= TRIES; death += 1) {
        t.match(await worker.exited(), { signal: 'SIGKILL' }, `death ${death}`)
        t.same([...(await metric(server, 'khipu_results_set_aside')).values()], [0])
        if (death === 1) other = await ask(server, accountOf('1001', 2))
        worker = await work(deadly(side))
      }

      await t.test('and no worker dies of it any more', async (t) => {
        const line = await until('it is set aside', () =>
          worker.logs.find(({ msg }) => msg === 'result set aside')
        )
        t.match(line, { requestId: poisoned, level: 50 })
        await callBack(world, accountOf('1001', 2), { OperationId: 'sound' })
        t.match(await atRest(server, other), { state: 'delivered', attempts: 1 })
        await resultsOf(world, [other])
        const tag = `{${world.env['QUEUE_PREFIX']}:0}`
        // Also the jobs of those that died, which are taken over once their locks have lapsed.
        await until('no job of it is left', async () => {
          const jobs = await world.client.keys(`${tag}:callback:callback-${poisoned}-*`)
          return jobs.length === 0
        })
        t.equal(await world.client.zscore(`${tag}:due`, poisoned), null, 'no sweep finds it')
        t.ok(isAlive(worker) && isAlive(server))
        t.equal((await jobsOf(world, other)).length, 1)
        t.equal((await jobsOf(world, poisoned)).length, onTheQueue)
      })

      await t.test('an operator sees it', async (t) => {
        t.same([...(await metric(server, 'khipu_results_set_aside')).values()], [1])
        t.equal(await sumOf(server, 'khipu_requests_unaccounted'), 0)
        t.match(await concernsOf(server), /1 results are set aside.*\/retry/)
        const { body } = await server.api('GET', '/v1/requests?state=delivered')
        t.match(JSON.stringify(body), poisoned)
        t.match(await view(server, poisoned), { state: 'delivered', attempts: 1, dueAt: null })
        t.notOk((await eventsOf(server, poisoned)).includes('result-published'))
        const cancelled = await server.api('POST', `/v1/requests/${poisoned}/cancel`)
        t.equal(cancelled.status, 409)
        t.equal((await jobsOf(world, poisoned)).length, onTheQueue, 'that publishes nothing')
      })

      await t.test('a retry publishes it once, without a POST to Khipu', async (t) => {
        await worker.stop()
        worker = await work()
        const retried = await server.api('POST', `/v1/requests/${poisoned}/retry`)
        t.match(retried, { status: 200, body: { state: 'delivered', attempts: 1 } })
        await until('it is published', async () =>
          (await eventsOf(server, poisoned)).includes('result-published')
        )
        const jobs = await jobsOf(world, poisoned)
        const response = { OperationId: POISON }
        t.match(jobs, [{ id: poisoned, data: { outcome: 'delivered', response } }])
        t.equal(jobs.length, 1)
        t.same([...(await metric(server, 'khipu_results_set_aside')).values()], [0])
        t.notMatch(await concernsOf(server), 'set aside')
        t.equal((await server.api('POST', `/v1/requests/${poisoned}/retry`)).status, 409)
        t.equal((await resultJobs(world)).length, 2, 'one result for each request')
        t.equal(world.khipu.calls.length, 2, 'each was paid for once')
        t.equal(await sumOf(server, 'khipu_requests_unaccounted'), 0)
        t.ok(isAlive(server), 'the process that listens has outlived it all')
      })
    }
  )
}

/** What an operator may call while a result is in hand; the status that it is answered with. */
const CALLS: readonly [what: string, status: number, call: Calling][] = [
  [
    'cancel',
    409,
    ({ server, requestId }) => server.api('POST', `/v1/requests/${requestId}/cancel`)
  ],
  ['retry', 409, ({ server, requestId }) => server.api('POST', `/v1/requests/${requestId}/retry`)],
  [
    'another authorization',
    409,
    ({ server, requestId }) =>
      server.api('PUT', `/v1/requests/${requestId}/authorization`, { apiKey: 'another' })
  ],
  [
    'a notification',
    200,
    ({ server, requestId }) => server.api('POST', '/v1/notifications', { requestIds: [requestId] })
  ],
  ['discard', 204, ({ server, kept }) => server.api('DELETE', `/v1/quarantine/${kept}`)],
  [
    'accept',
    200,
    ({ server, kept }) => server.api('POST', `/v1/quarantine/${kept}/accept`, { force: true })
  ]
]

interface Call {
  readonly server: Service
  readonly requestId: string
  /** The quarantine entry of the request. */
  readonly kept: string
}
type Calling = (call: Call) => ReturnType<Service['api']>

t.test(
  'a call of an operator leaves such a result to a worker, and the process that listens lives on',
  { buffered: true },
  async (t) => {
    const { world, server, work } = await startDeadly(t, 'before')
    const first = await work()
    const rows = CALLS.map(([what, status, operate], index) => {
      return { what, status, operate, account: accountOf('1001', index + 1) }
    })
    const requestIds = new Map<string, string>()
    for (const { account } of rows) requestIds.set(account, await ask(server, account))
    const idOf = (account: string) => requestIds.get(account) ?? ''
    for (const { what, account } of rows) {
      await inState(server, idOf(account), 'awaiting-callback')
      if (what !== 'a notification') continue
      const Error = { Type: 'RETRY_AFTER_NOTIFICATION', Code: 'I001', Description: 'text' }
      await callBack(world, account, { Status: 'ERROR', Data: null, Error })
      await inState(server, idOf(account), 'parked')
    }
    await first.stop()

    for (const { what, status, operate, account } of rows) {
      const requestId = idOf(account)
      const broken = { OperationId: 7, AdditionalInformation: POISON }
      const refused = await callBack(world, account, broken)
      t.equal(refused.status, 422)
      if (what !== 'accept') {
        t.equal((await callBack(world, account, { OperationId: POISON })).status, 200)
      }
      const kept = refused.body.quarantineId ?? ''
      t.equal((await operate({ server, requestId, kept })).status, status, what)
      t.equal((await view(server, requestId)).state, 'delivered', what)
    }
    t.ok(isAlive(server))
    t.same(await resultJobs(world), [], 'nothing is published while no worker runs')

    await work()
    const all = [...requestIds.values()]
    await resultsOf(world, all)
    for (const requestId of all) {
      await until('it is published', async () =>
        (await eventsOf(server, requestId)).includes('result-published')
      )
    }
    t.equal((await resultJobs(world)).length, all.length, 'one result for each request')
    t.equal(world.khipu.calls.length, all.length, 'each was paid for once')
    t.equal(await sumOf(server, 'khipu_requests_unaccounted'), 0)
    t.equal((await server.api('GET', '/health/ready')).status, 200)
  }
)
