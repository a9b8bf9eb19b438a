import t from 'tap'
import { cancel, retryNow } from '../../../src/core/transitions/on-operator.ts'
import type { Step } from '../../../src/ledger/advance.ts'
import { error, ok, receive } from '../../helpers/callbacks.ts'
import { ask } from '../../helpers/requests.ts'
import { keysWith, openService, type Service } from '../../helpers/service.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import { advance, handleSend, releaseParked, sweep } from '../../helpers/handlers.ts'

const look: Step = (request) => request
const ALL = { service: null, code: null, reason: null, requestIds: null, by: 'ana' }

/** Requests for as many accounts, all with one password. */
async function askAll(service: Service, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let number = 1; number <= count; number += 1) {
    const AccountCredential = { Password: 'wrong' }
    const input = { RequestData: { AccountNumber: `${number}`, AccountCredential } }
    ids.push(await ask(service, { turns: true, input }))
  }
  return ids
}

async function find({ catalog }: Service, id: string | undefined) {
  const request = await catalog.find(id ?? '')
  if (request === null) throw new Error('there is no such request')
  return request
}

/** How many are in each state, for each reason. */
async function tally(service: Service, ids: readonly string[]) {
  const counts: Record<string, number> = {}
  for (const id of ids) {
    const { state, reason } = await find(service, id)
    const name = reason === null ? state : `${state} ${reason}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** Works off what is due and what was promoted, as the workers would; the clock is that of Redis, the pace none. */
function workerOf(service: Service) {
  const { deps, sends } = openWorker(service)
  const promoted: string[] = []
  const jobs: typeof service.jobs = {
    ...service.jobs,
    promote: async ({ requestId }) => void promoted.push(requestId)
  }
  const own = { ...deps, jobs }
  const sendNow = async (id: string) => handleSend(own, await jobOf(service, id))
  return {
    deps: own,
    sends,
    sendNow,
    async workOff() {
      for (let id = promoted.shift(); id !== undefined; id = promoted.shift()) await sendNow(id)
    },
    async answer(id: string, envelope: object) {
      await receive(service, id, envelope, (await find(service, id)).attempts.length)
      await advance(own, id, look)
    }
  }
}

/** Ten that wait for a password which the bank has refused to an eleventh. */
async function openRefused(t: Parameters<typeof openService>[0]) {
  const service = await openService(t)
  const worker = workerOf(service)
  const [first = '', ...ids] = await askAll(service, 11)
  await worker.sendNow(first)
  await worker.answer(first, error('DO_NOT_RETRY', 'E101'))
  for (const id of ids) await worker.sendNow(id)
  t.same(await tally(service, ids), { 'parked credentials': 10 })
  worker.sends.length = 0
  return { service, worker, ids }
}

async function release(service: Service, policy = { ...service.policy, releasesPerSecond: 1e6 }) {
  const releasing = await service.notifications.record(ALL)
  return releaseParked({ ...service, policy }, releasing)
}

t.test('of ten that share a refused password one goes first', async (t) => {
  const { service, worker, ids } = await openRefused(t)
  t.equal(await release(service), 10)
  for (const id of ids) await worker.sendNow(id)
  t.equal(worker.sends.length, 1)
  const [probe = '', waiting] = ids
  t.same(await tally(service, ids), { 'awaiting-callback': 1, 'queued logon-probe': 9 })
  const [{ dueAt }, { attempts }] = [await find(service, probe), await find(service, probe)]
  t.match(attempts, [{ isProbe: true }])
  t.ok(((await find(service, waiting)).dueAt ?? 0) >= (dueAt ?? Infinity), 'until its deadline')

  t.test('refused again, the others park again without a POST', async (t) => {
    await worker.answer(probe, error('DO_NOT_RETRY', 'E101'))
    await worker.workOff()
    t.same(await tally(service, ids), { 'failed do-not-retry': 1, 'parked credentials': 9 })
    t.equal(worker.sends.length, 1)
    t.same(await keysWith(service.redis, `${service.tag}:probing:`), [], 'nothing is left behind')
  })
})

for (const [what, envelope] of [
  ['a result', ok()],
  ['an E3xx, for the bank let it in', error('DO_NOT_RETRY', 'E301')]
] as const) {
  t.test(`once the probe brought ${what}, the others follow`, async (t) => {
    const { service, worker, ids } = await openRefused(t)
    await release(service)
    for (const id of ids) await worker.sendNow(id)
    const [probe = '', ...others] = ids
    await worker.answer(probe, envelope)
    await worker.workOff()
    t.same(await tally(service, others), { 'awaiting-callback': 9 })
    t.same(await keysWith(service.redis, `${service.tag}:prob`), [], 'nothing is left behind')
    t.same(await keysWith(service.redis, `${service.tag}:refused:`), [])
  })
}

t.test(
  'a probe that proves nothing hands on to the next one, twice per notification',
  async (t) => {
    const { service, worker, ids } = await openRefused(t)
    await release(service)
    for (const id of ids) await worker.sendNow(id)
    const [first = '', second = '', ...others] = ids
    await worker.answer(first, error('WAIT_4_HOURS_BEFORE_RETRY', 'E201'))
    await worker.workOff()
    t.match(await find(service, second), {
      state: 'awaiting-callback',
      attempts: [{ isProbe: true }]
    })
    t.same(await tally(service, others), { 'queued logon-probe': 8 })
    await worker.answer(second, error('WAIT_4_HOURS_BEFORE_RETRY', 'E201'))
    await worker.workOff()
    t.equal(worker.sends.length, 2)
    t.same(await tally(service, others), { 'parked credentials': 8 })
    t.equal(await release(service), 8, 'another notification releases them')
    for (const id of others) await worker.sendNow(id)
    t.equal(worker.sends.length, 3)
  }
)

t.test('the one that tried last lets the others try first', async (t) => {
  const { service, worker, ids } = await openRefused(t)
  await release(service)
  for (const id of ids) await worker.sendNow(id)
  const [first = '', second = ''] = ids
  await worker.answer(first, error('RETRY_IMMEDIATELY', 'E201'))
  await worker.sendNow(first)
  t.match(await find(service, first), { state: 'retry-scheduled', reason: 'logon-probe' })
  await worker.workOff()
  t.match(await find(service, second), { state: 'awaiting-callback' })
  t.equal(worker.sends.length, 2)
})

t.test('every way to be released goes through the probe', async (t) => {
  const { service, worker, ids } = await openRefused(t)
  for (const id of ids) {
    await advance(service, id, (request, { now }) => retryNow(request, 'ana', now))
  }
  await Promise.all(ids.map((id) => worker.sendNow(id)))
  t.equal(worker.sends.length, 1, 'also of those that begin at the same instant')
  t.same(await tally(service, ids), { 'awaiting-callback': 1, 'queued logon-probe': 9 })
})

t.test('without a word nobody tries', async (t) => {
  const { service, worker, ids } = await openRefused(t)
  const [id = ''] = ids
  await advance(service, id, (request, { now }) => retryNow(request, 'ana', now))
  const [fresh = ''] = await askAll(service, 1)
  await worker.sendNow(fresh)
  t.match(await find(service, fresh), { state: 'parked', reason: 'credentials' })
})

t.test('a probe that is given up frees the others', async (t) => {
  const { service, worker, ids } = await openRefused(t)
  await release(service)
  for (const id of ids) await worker.sendNow(id)
  const [first = '', second = ''] = ids
  await advance(worker.deps, first, (request, { now }) => cancel(request, 'ana', now))
  await worker.workOff()
  t.match(await find(service, second), {
    state: 'awaiting-callback',
    attempts: [{ isProbe: true }]
  })
})

t.test('a promotion that is lost in a crash is made good by the sweep', async (t) => {
  const { service, worker, ids } = await openRefused(t)
  await release(service)
  for (const id of ids) await worker.sendNow(id)
  const [first = '', second = ''] = ids
  await receive(service, first, ok())
  const promote = () => Promise.reject(new Error('crashed'))
  const crashing = { ...service, jobs: { ...service.jobs, promote } }
  await t.rejects(advance(crashing, first, look), { message: 'crashed' })
  const later = { ...service.catalog, now: async () => (await service.catalog.now()) + 6_000 }
  await sweep({ ...service, catalog: later })
  const { dueAt } = await find(service, second)
  const job = await service.queues.paced.getJob(`paced-${second}-0-${dueAt}`)
  t.equal(await job?.isWaiting(), true)
})

t.test(
  'a probe that dies between its commit and its POST holds the others until its deadline',
  async (t) => {
    const { service, worker, ids } = await openRefused(t)
    await release(service)
    const [first = '', second = ''] = ids
    const dying = {
      ...worker.deps,
      khipu: { ...worker.deps.khipu, send: () => Promise.reject(new Error('crashed')) }
    }
    const job = await jobOf(service, first)
    await t.rejects(handleSend(dying, job), { message: 'crashed' })
    await worker.sendNow(second)
    t.match(await find(service, second), { state: 'queued', reason: 'logon-probe' })
    await handleSend(worker.deps, job)
    t.match(await find(service, first), { state: 'awaiting-callback' }, 'it is not sent again')
    t.equal(worker.sends.length, 0)
  }
)

t.test('credentials that are replaced meanwhile take no part', async (t) => {
  const { service, worker, ids } = await openRefused(t)
  await release(service)
  for (const id of ids.slice(0, 3)) await worker.sendNow(id)
  const [first = '', second = '', third = ''] = ids
  await advance(worker.deps, second, (request) => {
    const { account } = request
    return { ...request, account: account && { ...account, credentials: 'others' } }
  })
  await worker.sendNow(second)
  t.match(await find(service, second), { state: 'awaiting-callback' }, 'those were not refused')
  await worker.answer(first, ok())
  await worker.workOff()
  t.match(await find(service, third), { state: 'awaiting-callback' })
})
