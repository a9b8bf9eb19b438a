import t from 'tap'
import { bytes, callbackOf, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import type { Service } from '../../helpers/service.ts'
import { workOff } from '../../helpers/worker.ts'
import { sweep } from '../../helpers/handlers.ts'

type Admin = Awaited<ReturnType<typeof openAdmin>>

interface Row {
  readonly what: string
  arrange(service: Service): Promise<string>
  call(admin: Admin, requestId: string, service: Service): Promise<{ readonly status: number }>
  readonly status: number
  readonly result: 'delivered' | 'failed'
}

/** A request with a good result in hand that nobody has applied yet. */
async function inHand(service: Service, state: 'awaiting-callback' | 'parked'): Promise<string> {
  const requestId = await askIn(service, state)
  await receive(service, requestId, ok())
  return requestId
}

/** A kept body of a request. */
async function keep({ quarantine }: Service, requestId: string, body: Buffer): Promise<string> {
  return (await quarantine.keep({ requestId, attempt: 1 }, 'schema', [], body)) ?? ''
}

const awaiting: Row['arrange'] = (service) => inHand(service, 'awaiting-callback')

const ROWS: readonly Row[] = [
  {
    what: 'a cancellation that comes too late',
    arrange: awaiting,
    call: ({ post }, requestId) => post(`/v1/requests/${requestId}/cancel`),
    status: 409,
    result: 'delivered'
  },
  {
    what: 'a retry that comes too late',
    arrange: (service) => inHand(service, 'parked'),
    call: ({ post }, requestId) => post(`/v1/requests/${requestId}/retry`),
    status: 409,
    result: 'delivered'
  },
  {
    what: 'another authorization that comes too late',
    arrange: awaiting,
    call: ({ put }, requestId) => put(`/v1/requests/${requestId}/authorization`, { jwt: 'a.b.c' }),
    status: 409,
    result: 'delivered'
  },
  {
    what: 'a notification',
    arrange: (service) => inHand(service, 'parked'),
    call: ({ post }) => post('/v1/notifications', { all: true }),
    status: 200,
    result: 'delivered'
  },
  {
    what: 'an accepted body',
    arrange: (service) => askIn(service, 'parked'),
    call: async ({ post }, requestId, service) =>
      post(`/v1/quarantine/${await keep(service, requestId, bytes(ok()))}/accept`),
    status: 200,
    result: 'delivered'
  },
  {
    what: 'a discarded body',
    arrange: awaiting,
    call: async ({ remove }, requestId, service) =>
      remove(`/v1/quarantine/${await keep(service, requestId, Buffer.from('{'))}`),
    status: 204,
    result: 'delivered'
  },
  {
    what: 'a cancellation behind an error that was received',
    async arrange(service) {
      const requestId = await askIn(service, 'awaiting-callback')
      await receive(service, requestId, error('RETRY_AFTER_NOTIFICATION'))
      return requestId
    },
    call: ({ post }, requestId) => post(`/v1/requests/${requestId}/cancel`),
    status: 200,
    result: 'failed'
  }
]

/** An operator listener, and the ids of the results with a body that it published itself. */
async function openWatched(t: Parameters<typeof openAdmin>[0], service: Service) {
  const published: string[] = []
  const publish: Service['jobs']['publish'] = async (request, open) => {
    if (request.response !== null) published.push(request.requestId)
    return service.jobs.publish(request, open)
  }
  const jobs = { ...service.jobs, publish }
  const parts = service.parts.map((part) => ({ ...part, jobs }))
  return { admin: await openAdmin(t, { ...service, jobs, parts }), published }
}

for (const { what, arrange, call, status, result } of ROWS) {
  t.test(`${what} leaves the result to a worker`, async (t) => {
    const service = await openServerService(t)
    const { admin, published } = await openWatched(t, service)
    const requestId = await arrange(service)
    t.equal((await call(admin, requestId, service)).status, status)
    t.same(published, [])
    t.same(await resultsOf(service), [])
    t.equal(await service.queues.callback.count(), 1, 'a job for all that the call did')
    await workOff(service)
    t.match(await resultsOf(service), [{ id: requestId, name: result }])
    t.type((await service.catalog.find(requestId))?.publishedAt, 'number')
  })
}

t.test('a result without a body is published by the call', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  t.equal((await post(`/v1/requests/${requestId}/cancel`)).status, 200)
  t.match(await resultsOf(service), [{ id: requestId, name: 'failed' }])
  t.equal(await service.queues.callback.count(), 0)
})

t.test('a call on what is set aside gives no worker anything to do', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await inHand(service, 'awaiting-callback')
  await service.redis.zadd(`${service.tag}:aside`, 1, requestId)
  t.equal((await post(`/v1/requests/${requestId}/cancel`)).status, 409)
  t.equal(await service.queues.callback.count(), 0)
  await workOff(service)
  t.same(await resultsOf(service), [])
})

t.test('a worker may run the callback meanwhile: one result, and nothing left to do', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await inHand(service, 'awaiting-callback')
  await service.jobs.enqueueCallback(requestId, callbackOf(1, bytes(ok())).id)
  const [answer] = await Promise.all([
    post(`/v1/requests/${requestId}/cancel`),
    workOff(service),
    post(`/v1/requests/${requestId}/retry`)
  ])
  t.equal(answer.status, 409)
  await workOff(service)
  t.equal((await resultsOf(service)).length, 1)
  t.same(await service.catalog.overdue(Number.MAX_SAFE_INTEGER), [])
})

t.test('where no worker could be told, the sweep publishes', async (t) => {
  const service = await openServerService(t)
  const publishLater = () => Promise.reject(new Error('Redis is away'))
  const { post } = await openAdmin(t, { ...service, jobs: { ...service.jobs, publishLater } })
  const requestId = await inHand(service, 'awaiting-callback')
  t.equal((await post(`/v1/requests/${requestId}/cancel`)).status, 503)
  t.match(await service.catalog.find(requestId), { state: 'delivered', publishedAt: null })
  const { catalog } = service
  const later = async () => (await catalog.now()) + 10_000
  await sweep({ ...service, catalog: { ...catalog, now: later } })
  t.match(await resultsOf(service), [{ id: requestId, name: 'delivered' }])
})
