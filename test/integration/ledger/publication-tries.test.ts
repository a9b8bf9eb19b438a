import t, { type Test } from 'tap'
import { ThreadEnded } from '../../../src/core/thread-ended.ts'
import type { AdvanceDeps } from '../../../src/ledger/advance.ts'
import { openLedger } from '../../../src/ledger/open-ledger.ts'
import type { Lane } from '../../../src/core/result-head.ts'
import { LARGE_BYTES } from '../../../src/schemas/large.ts'
import { bytes, callbackOf, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { openAdmin } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { openService, type Service } from '../../helpers/service.ts'
import { workOff } from '../../helpers/worker.ts'
import { advance, sweep } from '../../helpers/handlers.ts'

/** A delivered request whose result is not published yet. */
async function open(t: Test) {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, ok())
  const overdue = () => service.catalog.overdue(Number.MAX_SAFE_INTEGER)
  return { service, requestId, overdue }
}

const stay: Parameters<typeof advance>[2] = (request) => request
const publishing = (service: Service, publish: () => Promise<boolean>): AdvanceDeps => ({
  ...service,
  jobs: {
    ...service.jobs,
    publish: async (_request, read) => ((await read('alone')) === 'set-aside' ? false : publish())
  }
})

/** Another process: it knows nothing of the tries of the first. */
const another = (service: Service): Service => ({
  ...service,
  ...openLedger(service.redis, service.ledgerSettings)
})

/** A process that dies while it publishes: nothing comes after. */
async function die(service: Service, requestId: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const deps = publishing(another(service), () => {
      resolve()
      return new Promise<never>(() => {})
    })
    void advance(deps, requestId, stay)
  })
}

t.test('a result that took its process down three times is set aside', async (t) => {
  const { service, requestId, overdue } = await open(t)
  for (const _ of [1, 2, 3]) await die(service, requestId)
  t.same(await overdue(), [requestId], 'three deaths are three tries')
  const advanced = await advance(another(service), requestId, stay)
  t.match(advanced?.after, { state: 'delivered', publishedAt: null })
  t.same(await resultsOf(service), [])
  t.same(await overdue(), [], 'the sweep leaves it alone')
  t.match(await service.catalog.totals(), { setAside: 1 })
  await advance(another(service), requestId, (request) => ({ ...request, code: 'X' }))
  t.same(await overdue(), [], 'also when it was changed meanwhile')
  t.same(await resultsOf(service), [])
})

t.test('two deaths are forgotten once it is published', async (t) => {
  const { service, requestId } = await open(t)
  for (const _ of [1, 2]) await die(service, requestId)
  await advance(another(service), requestId, stay)
  t.equal((await resultsOf(service)).length, 1)
  t.same(await service.redis.keys(`${service.tag}:tries:*`), [])
})

t.test('a try that ends in an ordinary error does not count', async (t) => {
  const { service, requestId, overdue } = await open(t)
  const refusing = (process: Service) =>
    publishing(process, () => Promise.reject(new Error('Redis is away')))
  const one = refusing(service)
  for (const _ of [1, 2, 3, 4, 5]) await t.rejects(advance(one, requestId, stay), /Redis is away/)
  for (const _ of [1, 2, 3, 4])
    await t.rejects(advance(refusing(another(service)), requestId, stay), /Redis is away/)
  t.same(await overdue(), [requestId])
  t.match(await service.catalog.totals(), { setAside: 0 })
})

t.test('nor do many where even that can not be written down, of one process', async (t) => {
  const { service, requestId } = await open(t)
  const { ledger } = service
  const endTry = () => Promise.reject(new Error('Redis is away'))
  const away = publishing({ ...service, ledger: { ...ledger, endTry } }, () =>
    Promise.reject(new Error('Redis is away'))
  )
  for (const _ of [1, 2, 3, 4, 5]) await t.rejects(advance(away, requestId, stay), /Redis is away/)
  t.match(await service.catalog.totals(), { setAside: 0 })
})

t.test('one that takes its thread down counts, in one process as well', async (t) => {
  const { service, requestId } = await open(t)
  const deps = publishing(service, () => Promise.reject(new ThreadEnded('compose')))
  for (const _ of [1, 2, 3]) await t.rejects(advance(deps, requestId, stay), ThreadEnded)
  await advance(deps, requestId, stay)
  t.match(await service.catalog.totals(), { setAside: 1 })
})

t.test('an operator has it published again, and nothing is sent to Khipu', async (t) => {
  const { service, requestId, overdue } = await open(t)
  const { post, get } = await openAdmin(t, service)
  t.equal((await post(`/v1/requests/${requestId}/cancel`)).status, 409)
  await workOff(service)
  const other = await askIn(service, 'awaiting-callback')
  await receive(service, other, ok())
  for (const _ of [1, 2, 3]) await die(service, other)
  await advance(another(service), other, stay)
  const ready = await get('/health/ready')
  t.match(JSON.stringify(ready.json), /1 results? .*set aside.*\/retry/)
  t.match((await get('/metrics')).text, /^khipu_results_set_aside 1$/m)

  const retried = await post(`/v1/requests/${other}/retry`)
  t.match(retried, { status: 200, json: { state: 'delivered' } })
  t.same(
    (await resultsOf(service)).filter(({ id }) => id === other),
    [],
    'left to a worker'
  )
  t.ok((await overdue()).includes(other), 'whom nobody wakes has the sweep')
  t.match(await service.queues.callback.getJobs(), [{ data: { requestId: other } }])
  await sweep({ ...service, healingMs: 60_000 })
  await advance(another(service), other, stay)
  t.same((await resultsOf(service)).filter(({ id }) => id === other).length, 1)
  t.equal((await post(`/v1/requests/${other}/retry`)).status, 409, 'it was published')
  const view = await get(`/v1/requests/${other}`)
  t.match(JSON.stringify(view.json), /publication-retried.*"by":"ana"/)
})

t.test('a result beside one that takes its process down is published', async (t) => {
  const { service, requestId: deadly } = await open(t)
  const beside = await askIn(service, 'awaiting-callback')
  await receive(service, beside, ok())
  const { id } = callbackOf(1, bytes(ok()))
  const begin = async ({ ledger }: Service, requestId: string, lane: Lane) => {
    const begun = await ledger.beginPublication(requestId, id, lane)
    return typeof begun === 'string' ? begun : begun?.callbackId
  }
  const first = another(service)
  for (const requestId of [deadly, beside]) t.equal(await begin(first, requestId, 'small'), id)
  for (const death of [2, 3]) {
    const next = another(service)
    for (const requestId of [deadly, beside]) {
      t.equal(await begin(next, requestId, 'small'), 'alone', 'not counted')
      t.equal(await begin(next, requestId, 'large'), 'alone', 'not counted')
    }
    t.equal(await begin(next, deadly, 'alone'), id, `death ${death} is its own`)
  }
  const last = another(service)
  t.equal(await begin(last, deadly, 'alone'), 'set-aside')
  t.equal(await begin(last, beside, 'alone'), id)
})

t.test('a large body belongs in a lane of its own', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const large = ok({ AdditionalInformation: 'x'.repeat(LARGE_BYTES) })
  await receive(service, requestId, large)
  const { id } = callbackOf(1, bytes(large))
  const begin = (lane: Lane) => another(service).ledger.beginPublication(requestId, id, lane)
  t.equal(await begin('small'), 'large')
  t.match(await begin('large'), { callbackId: id })
})
