import t from 'tap'
import { v7 } from 'uuid'
import { placeOf } from '../../../src/core/placement.ts'
import { openLedger } from '../../../src/ledger/open-ledger.ts'
import { mergePages, sumTotals } from '../../../src/ledger/merge.ts'
import {
  awaitPartitionCheck,
  checkPartitions,
  PartitionsDiffer
} from '../../../src/ledger/partitions.ts'
import { bytes, error, ok, resultsOf } from '../../helpers/callbacks.ts'
import { openAdmin, openPublic, openServerService } from '../../helpers/listeners.ts'
import { openService, type Service } from '../../helpers/service.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import type { Answered } from '../../helpers/wire.ts'
import { handleCallback, handleSend, sweep } from '../../helpers/handlers.ts'

// A ledger in several parts looks like one to whoever calls, and each part works for itself.

const COUNT = 3
const open = async () => {
  const service = await openServerService(t, { partitions: COUNT })
  const whole = { ...service, ...service.all }
  const { post: receive } = await openPublic(t, whole)
  return { service, ...(await openAdmin(t, whole)), receive }
}
const idOf = ({ json }: Answered) => String(Object(json).requestId)
const itemsOf = ({ json }: Answered) => Object(json).items as Record<string, unknown>[]
const nextOf = ({ json }: Answered) => Object(json).nextCursor as string | null

/** The service with the partition that holds a request in the place of the first. */
function at(service: Service, requestId: string): Service {
  return { ...service, ...service.parts[placeOf(requestId, COUNT)] }
}

const { service, get, post, remove, receive } = await open()
const ask = async (account: string, more: object = {}, headers: Record<string, string> = {}) =>
  idOf(await post('/v1/requests', { RequestData: { AccountNumber: account }, ...more }, headers))
const tokenOf = (requestId: string) => service.capabilities.sign({ requestId, attempt: 1 })

/** Sends a request as the worker of its partition would. */
async function sendNow(requestId: string): Promise<void> {
  const { deps } = openWorker(at(service, requestId))
  await handleSend(deps, await jobOf(at(service, requestId), requestId))
}

const asked: string[] = []
const usedPartitions = () => new Set(asked.map((id) => placeOf(id, COUNT))).size
// The account's keyed hash decides, with a key of this run: twelve accounts miss one of three partitions once in 43 times.
for (let number = 0; number < 12 || (usedPartitions() < COUNT && number < 100); number += 1) {
  asked.push(await ask(`7000000${number + 100}`, { reference: number % 2 === 0 ? 'even' : 'odd' }))
}

t.test('requests are spread, and each lies where its id says, with its job', async (t) => {
  t.equal(usedPartitions(), COUNT)
  for (const id of asked) {
    t.equal((await at(service, id).catalog.find(id))?.requestId, id)
    const { send: queue } = service.queues.of(id)
    t.ok((await queue.getJobs()).some(({ data }) => data.requestId === id))
  }
})

t.test('they are listed newest first, a page at a time, and counted as one', async (t) => {
  const newestFirst = asked.toSorted().toReversed()
  for (const limit of [1, 5, 12, 50]) {
    const seen: unknown[] = []
    let cursor: string | null = null
    do {
      const from: string = cursor === null ? '' : `&cursor=${cursor}`
      const page = await get(`/v1/requests?limit=${limit}${from}`)
      seen.push(...itemsOf(page).map(({ requestId }) => requestId))
      cursor = nextOf(page)
    } while (cursor !== null)
    t.same(seen, newestFirst, `${limit} at a time`)
  }
  t.equal(
    itemsOf(await get('/v1/requests?reference=even&state=queued')).length,
    Math.ceil(asked.length / 2)
  )
  t.match(await service.all.catalog.totals(), {
    accepted: asked.length,
    live: { queued: asked.length }
  })
  t.match((await get('/health/ready')).json, {
    requests: { accepted: asked.length, live: asked.length, unaccounted: 0 }
  })
  t.match(
    (await get('/metrics')).text,
    new RegExp(`^khipu_requests_accepted ${asked.length}$`, 'm')
  )
})

t.test('requests of one account share a partition, and take turns there', async (t) => {
  const ids = [await ask('5566'), await ask('0055-66'), await ask('5566')] as const
  t.equal(new Set(ids.map((id) => placeOf(id, COUNT))).size, 1)
  await sendNow(ids[0])
  await sendNow(ids[1])
  t.match(await at(service, ids[1]).catalog.find(ids[1]), { reason: 'account-busy' })
  for (const id of ids) t.equal((await post(`/v1/requests/${id}/cancel`)).status, 200)
})

t.test('without an account a request lies anywhere', async (t) => {
  const ids = Array.from({ length: 60 }, () => service.newRequestId(null))
  t.equal(new Set(ids.map((id) => placeOf(id, COUNT))).size, COUNT)
})

t.test('an Idempotency-Key stands for one request, whatever the partition', async (t) => {
  for (let number = 0; number < 6; number += 1) {
    const key = { 'idempotency-key': `key-${number}` }
    const first = await ask('991', {}, key)
    t.equal(await ask('991', {}, key), first)
    t.equal((await post('/v1/requests', { RequestData: { AccountNumber: '2' } }, key)).status, 422)
    await post(`/v1/requests/${first}/cancel`)
  }
})

t.test(
  'a callback is stored in the partition of its request, and delivered from there',
  async (t) => {
    for (const id of asked.slice(0, 4)) {
      await sendNow(id)
      t.match(await receive(tokenOf(id), bytes(ok())), {
        status: 200,
        json: { status: 'accepted' }
      })
      t.match(await receive(tokenOf(id), bytes(ok())), { json: { status: 'duplicate' } })
      const { callback: queue } = service.queues.of(id)
      t.ok((await queue.getJobs()).some(({ data }) => data.requestId === id))
      await handleCallback({ ...at(service, id) }, { requestId: id, at: 0 })
      t.match((await get(`/v1/requests/${id}`)).json, { state: 'delivered' })
    }
    const ids = new Set((await resultsOf(service)).map((job) => job.id))
    for (const id of asked.slice(0, 4)) t.ok(ids.has(id))
    t.equal((await receive(tokenOf(v7()), bytes(ok()))).status, 404)
  }
)

t.test('a notification releases what is parked in all of them, and counts it once', async (t) => {
  const parked = asked.slice(4, 10)
  for (const id of parked) {
    await sendNow(id)
    await receive(tokenOf(id), bytes(error('RETRY_AFTER_NOTIFICATION', 'I001')))
    await handleCallback({ ...at(service, id) }, { requestId: id, at: 0 })
  }
  const notify = async (filter: object) => (await post('/v1/notifications', filter)).json
  t.same(await notify({ code: 'I001', dryRun: true }), { matched: 6, released: 0 })
  t.match(await notify({ requestIds: parked.slice(0, 2) }), { matched: 2, released: 2 })
  t.match(await notify({ code: 'I001' }), { matched: 4, released: 4 })
  for (const { notifications } of service.parts) {
    t.same(await notifications.unfinished(Infinity), [], 'nothing is left to a sweep')
  }
  t.match(await service.all.catalog.totals(), { live: { parked: 0, 'retry-scheduled': 6 } })
})

t.test('kept bodies are listed newest first, found, accepted and discarded', async (t) => {
  const ids: string[] = []
  const sent = asked.slice(4, 10)
  for (const [number, id] of sent.entries()) {
    const answer = await receive(tokenOf(id), Buffer.from(`not JSON ${number}`))
    t.equal(answer.status, 400)
    ids.push(String(Object(answer.json).quarantineId))
  }
  const all = itemsOf(await get('/v1/quarantine'))
  const instants = all.map((one) => String(one['receivedAt']))
  t.same(instants, instants.toSorted().toReversed())
  for (const limit of [1, 4, 6, 7]) {
    const seen: unknown[] = []
    let cursor: string | null = null
    do {
      const from: string = cursor === null ? '' : `&cursor=${cursor}`
      const page: Answered = await get(`/v1/quarantine?limit=${limit}${from}`)
      seen.push(...itemsOf(page))
      cursor = nextOf(page)
    } while (cursor !== null)
    t.same(seen, all, `${limit} at a time`)
  }
  t.same(all.map(({ quarantineId }) => String(quarantineId)).toSorted(), ids.toSorted())
  for (const [number, id] of ids.entries()) {
    const body = Buffer.from(`not JSON ${number}`).toString('base64')
    t.match((await get(`/v1/quarantine/${id}`)).json, { body, requestId: sent[number] })
    t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 422, 'it is not JSON still')
  }
  t.match(await service.all.quarantine.usage(), { entries: 6, bytes: 60, evicted: 0 })
  for (const id of ids) {
    t.equal((await remove(`/v1/quarantine/${id}`)).status, 204)
    t.equal((await remove(`/v1/quarantine/${id}`)).status, 404)
  }
  t.match(await service.all.quarantine.usage(), { entries: 0, filled: 0 })
})

t.test('a late result is claimed once', async (t) => {
  const id = await ask('660')
  await sendNow(id)
  await receive(tokenOf(id), bytes(error('DO_NOT_RETRY', 'E401')))
  await handleCallback({ ...at(service, id) }, { requestId: id, at: 0 })
  t.match((await receive(tokenOf(id), bytes(ok()))).json, { status: 'late' })
  await handleCallback({ ...at(service, id) }, { requestId: id, at: 0 })
  const [kept] = itemsOf(await get('/v1/quarantine'))
  t.match(kept, { requestId: id, kind: 'late' })
  t.equal((await post(`/v1/quarantine/${String(kept?.['quarantineId'])}/accept`)).status, 200)
  t.ok((await resultsOf(service)).some((job) => job.id === `${id}-late`))
  await service.all.quarantine.tidy(0)
})

t.test('the sweep of a partition sees to what lies there, and to nothing else', async (t) => {
  const id = await ask('661')
  const { send: queue } = service.queues.of(id)
  await queue.obliterate({ force: true })
  const hasJob = async () => (await queue.getJobs()).some(({ data }) => data.requestId === id)
  // Overdue by an hour.
  const { tag } = at(service, id)
  await service.redis.zadd(`${tag}:due`, (await service.catalog.now()) - 3_600_000, id)
  t.ok((await service.all.catalog.overdueMs()) >= 3_600_000)
  for (const partition of service.parts) {
    if (partition.tag !== tag) await sweep({ ...service, ...partition })
  }
  t.notOk(await hasJob())
  await sweep(at(service, id))
  t.ok(await hasJob())
})

t.test(
  'a page shows nothing that is older than what some partition has yet to look at',
  async (t) => {
    const id = (number: number) => `0199c0de-0000-7000-8000-00000000000${number}`
    const page = (numbers: number[], next: number | null) => ({
      items: numbers.map((number) => ({ requestId: id(number) }) as never),
      next: next === null ? null : id(next),
      total: null,
      partial: false
    })
    const merged = (pages: ReturnType<typeof page>[], limit: number) => {
      const { items, next } = mergePages(pages, limit)
      return [items.map(({ requestId }) => Number(requestId.at(-1))), next && Number(next.at(-1))]
    }
    t.same(merged([page([8, 2], null), page([], 5)], 9), [[8], 5])
    t.same(merged([page([8, 2], null), page([5], 5)], 9), [[8, 5], 5])
    t.same(merged([page([8, 2], 2), page([7, 6], 6)], 2), [[8, 7], 7])
    t.same(merged([page([8], null), page([9], null)], 9), [[9, 8], null])
    t.same(merged([page([], null)], 9), [[], null])
  }
)

t.test('totals are summed by state', async (t) => {
  const totals = { accepted: 2, ended: { failed: 1 }, live: { queued: 1 }, setAside: 1 }
  const others = { accepted: 1, ended: { failed: 1 }, live: { parked: 0 }, setAside: 2 }
  t.same(sumTotals([totals, others]), {
    accepted: 3,
    ended: { failed: 2 },
    live: { queued: 1, parked: 0 },
    setAside: 3
  })
})

t.test('the number of partitions is the one that came first', async (t) => {
  const { redis, ledgerSettings } = await openService(t)
  const set = (partitions: number) =>
    checkPartitions({
      count: partitions,
      ...openLedger(redis, ledgerSettings, { index: 0, count: partitions })
    })
  await set(2)
  await set(2)
  await t.rejects(set(3), {
    message: /^PARTITIONS is 3, but the ledger .* has 2: set PARTITIONS=2/
  })
})

t.test('a ledger from before there could be more has one', async (t) => {
  const { redis, tag, ledgerSettings } = await openService(t)
  await redis.hset(`${tag}:totals`, 'accepted', 1)
  const { agreeOnCount } = openLedger(redis, ledgerSettings, { index: 0, count: 6 })
  t.same([await agreeOnCount(), await agreeOnCount()], [1, 1])
})

t.test('who is away is asked again, and who differs is not', async (t) => {
  const answers = [null, null, 2, 3]
  const agreeOnCount = async () => {
    const answer = answers.shift() ?? null
    if (answer === null) throw new Error('away')
    return answer
  }
  await awaitPartitionCheck({ count: 2, agreeOnCount })
  await t.rejects(awaitPartitionCheck({ count: 2, agreeOnCount }), PartitionsDiffer)
  t.same(answers, [])
})
