import t from 'tap'
import { call, type Service } from '../helpers/service-process.ts'
import { startWorker } from '../helpers/start-worker.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, resultsOf, startWorld, sumOf, view } from '../helpers/world.ts'

const world = await startWorld(t, { khipu: { callbackDelayMs: 50 } })
const server = await world.start({ ROLE: 'server' })
const queued = await ask(server, accountOf('1001', 1))

t.test('a server accepts, and sends nothing by itself', async (t) => {
  t.match(await view(server, queued), { state: 'queued', attempts: 0 })
  t.match(await clientNames(), [], 'nothing waits for a job')
  t.equal(world.khipu.calls.length, 0)
  t.equal((await call(`${server.publicUrl}/health/live`)).status, 200)
})

let worker: Service

t.test('a worker comes up beside it', async () => {
  worker = await startWorker(world)
})

t.test('a worker has health and metrics', async (t) => {
  for (const path of ['/health/live', '/health/ready', '/metrics']) {
    t.test(path, async (t) => {
      t.equal((await call(`${worker.adminUrl}${path}`)).status, 200)
    })
  }
})

t.test('a worker has no operator API, not even with the token', async (t) => {
  const paths = [
    '/v1/requests',
    `/v1/requests/${queued}`,
    '/v1/quarantine',
    '/openapi.json',
    '/docs'
  ]
  for (const path of paths) {
    t.test(path, async (t) => {
      t.equal((await worker.api('GET', path)).status, 404)
    })
  }
  const asked = await worker.api('POST', '/v1/requests', { RequestData: { AccountNumber: '1' } })
  t.equal(asked.status, 404)
})

t.test('a worker has no public listener', async (t) => {
  await t.rejects(call(`${worker.publicUrl}/health/live`), { cause: { code: 'ECONNREFUSED' } })
  t.notOk(worker.logs.some(({ msg }) => msg === 'public listener open'))
})

t.test('server and worker deliver together', async (t) => {
  t.match(await atRest(server, queued), { state: 'delivered', attempts: 1 })
  t.ok((await resultsOf(world, [queued])).has(queued))
})

t.test('each does its own part of the work', async (t) => {
  const received = 'callback received'
  const sent = 'request sent'
  await until('the server has said so', () => server.logs.some(({ msg }) => msg === received))
  await until('the worker has said so', () =>
    worker.logs.some(({ msg, requestId }) => msg === sent && requestId === queued)
  )
  t.notOk(server.logs.some(({ msg }) => msg === sent))
  t.notOk(worker.logs.some(({ msg }) => msg === received))
  t.ok(server.logs.every(({ role }) => role === 'server'))
  t.ok(worker.logs.every(({ role }) => role === 'worker'))
})

t.test('both tell the same totals', async (t) => {
  for (const service of [server, worker]) {
    t.equal(await sumOf(service, 'khipu_requests_accepted'), 1)
    t.equal(await sumOf(service, 'khipu_requests_ended'), 1)
  }
})

t.test('both end with code 0 on SIGTERM', async (t) => {
  t.same(await Promise.all([server.stop(), worker.stop()]), [
    { code: 0, signal: null },
    { code: 0, signal: null }
  ])
})

// Each BullMQ worker waits on a connection of its own.
async function clientNames(): Promise<string[]> {
  const list = String(await world.client.client('LIST'))
  const prefix = world.env['QUEUE_PREFIX'] ?? ''
  const blocking = list.split('\n').filter((line) => /cmd=(?:bzpopmin|BZPOPMIN)/.test(line))
  return blocking.filter((line) => line.includes(prefix))
}
