import { request } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import { createMetrics } from '../../../src/app/metrics.ts'
import { buildMetricsListener } from '../../../src/operator/metrics/metrics-listener.ts'
import { ask, BTG } from '../../helpers/requests.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { call, listen } from '../../helpers/wire.ts'

const SETTINGS = { maxConnections: 1000, trustedProxies: [] }

t.test('the listener of METRICS_PORT has /metrics and nothing else', async (t) => {
  const service = await openServerService(t)
  await ask(service, { service: BTG })
  const metrics = createMetrics(service)
  const app = await buildMetricsListener({ metrics: metrics.render, dropped: () => {} }, SETTINGS)
  const address = await listen(t, app)
  const { status, text, headers } = await call(`${address}/metrics`)
  t.equal(status, 200)
  t.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(text, /^khipu_requests_live\{state="queued",reason="",bank="btgpactual\.cl"\} 1$/m)
  for (const path of ['/', '/health/live', '/v1/requests', '/metrics/', '/%zz']) {
    const answer = await call(`${address}${path}`)
    t.match(answer, { status: 404, json: { code: 'unknown-route' } }, path)
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff', path)
  }
  t.match(await call(`${address}/metrics`, { method: 'POST', body: 'x' }), { status: 404 })
})

t.test('metrics that cannot be given are 503', async (t) => {
  const metrics = () => Promise.reject(new Error('canary'))
  const app = await buildMetricsListener({ metrics, dropped: () => {} }, SETTINGS)
  const answer = await call(`${await listen(t, app)}/metrics`)
  t.match(answer, { status: 503, json: { code: 'unavailable' } })
  t.notMatch(answer.text, /canary/)
})

t.test('a request that cannot be read gets its problem', async (t) => {
  const metrics = async () => ({ contentType: 'text/plain', text: '' })
  const app = await buildMetricsListener({ metrics, dropped: () => {} }, SETTINGS)
  const { port } = new URL(await listen(t, app))
  const calling = request({ port, path: `/${'a'.repeat(20_000)}` }).end()
  const [answer] = (await once(calling, 'response')) as [{ statusCode: number; resume(): void }]
  answer.resume()
  t.equal(answer.statusCode, 414)
})

t.test(
  'the operator listener has no metrics where they have a listener of their own',
  async (t) => {
    const service = await openServerService(t)
    const { get } = await openAdmin(t, service, { metrics: null })
    t.match(await get('/metrics'), { status: 404, json: { code: 'unknown-route' } })
    t.match(await get('/health/live'), { status: 200 })
  }
)
