import t from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { call } from '../../helpers/service-process.ts'
import { startHere } from '../../helpers/started.ts'
import { until } from '../../helpers/until.ts'
import {
  accountOf,
  ask,
  atRest,
  inState,
  metric,
  otherPorts,
  startWorld,
  sumOf
} from '../../helpers/world.ts'

// What happens to a request is counted, from the call that asks for it to the end of its result.

const BANK = 'bank="btgpactual.cl"'
const world = await startWorld(t, { khipu: { callbackDelayMs: 50 } })
const service = await startHere(t, world, { SWEEP_INTERVAL: '200ms' })
const sum = (name: string, label?: string) => sumOf(service, name, label)

t.test('a delivered request is counted at each of its steps', async (t) => {
  await atRest(service, await ask(service, accountOf('1001', 1)))
  const once: readonly (readonly [name: string, label: string])[] = [
    ['khipu_requests_accepted_total', BANK],
    ['khipu_sends_total', `answer="acknowledged",${BANK}`],
    ['khipu_send_seconds_count', `answer="acknowledged",${BANK}`],
    ['khipu_callbacks_total', 'status="accepted"'],
    ['khipu_callback_answer_seconds_count', 'status="accepted"'],
    ['khipu_callback_bytes_count', ''],
    ['khipu_callback_latency_seconds_count', BANK],
    ['khipu_decisions_total', `decision="deliver",cause="",code="",${BANK}`],
    ['khipu_requests_ended_total', `state="delivered",reason="",${BANK}`],
    ['khipu_request_duration_seconds_count', `state="delivered",${BANK}`]
  ]
  for (const [name, label] of once) t.equal(await sum(name, label), 1, name)
  const latency = await sum('khipu_callback_latency_seconds_sum')
  t.ok(latency >= 0.05 && latency < 30, `${latency} s until the callback`)
  t.ok((await sum('khipu_request_duration_seconds_sum')) >= latency)
  const [answer] = (await metric(service, 'khipu_callback_answer_seconds_sum')).values()
  t.ok((answer ?? 0) > 0 && (answer ?? 0) < 5, `${answer} s until the answer`)
  t.ok((await sum('khipu_callback_bytes_sum')) > 100)
})

t.test('a retry and a park are decisions with their cause and code', async () => {
  await atRest(service, await ask(service, accountOf('1101', 1)))
  await inState(service, await ask(service, accountOf('1106', 1)), 'parked')
  t.equal(await sum('khipu_decisions_total', 'cause="retry-immediately",code="E201"'), 1)
  const parked = 'decision="park",cause="retry-after-notification",code="I001"'
  t.equal(await sum('khipu_decisions_total', parked), 1)
  const live = 'state="parked",reason="retry-after-notification"'
  t.equal(await sum('khipu_requests_live', live), 1)
  t.equal(await sum('khipu_requests_live', 'state="queued"'), 0)
})

t.test('a body in quarantine is counted by its kind, however it came there', async (t) => {
  await inState(service, await ask(service, accountOf('1205', 1)), 'awaiting-callback')
  const { callbackUrl = '' } = world.khipu.calls.at(-1) ?? {}
  t.equal((await call(callbackUrl ?? '', { method: 'POST', body: 'no json' })).status, 400)
  t.equal(await sum('khipu_quarantined_total', 'kind="not-json"'), 1)
  const { callbackUrl: ended = '' } = world.khipu.calls[0] ?? {}
  const late = await call(ended ?? '', { method: 'POST', body: new Uint8Array(bytes(ok())) })
  t.equal(late.status, 200)
  await until('the other body of an ended request is kept', async () => {
    return (await sum('khipu_quarantined_total', 'kind="conflict"')) === 1
  })
})

t.test('calls of operators are timed by route, and by no id', async (t) => {
  const path = '/v1/requests/01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'
  t.equal((await service.api('GET', path)).status, 404)
  t.equal((await service.api('GET', '/nowhere/canary')).status, 404)
  const counts = await metric(service, 'khipu_operator_request_seconds_count')
  t.equal(counts.get('route="GET /v1/requests/:id",status="404"'), 1)
  t.equal(counts.get('route="none",status="404"'), 1)
  t.notMatch([...counts.keys()].join(), /canary|01938c5e/)
})

t.test('sweeps are timed', async () => {
  await until('one is', async () => (await sum('khipu_sweep_seconds_count')) > 0)
})

t.test('METRICS_PORT takes the metrics from the operator listener', async (t) => {
  const { ADMIN_PORT: METRICS_PORT = '', ...ports } = await otherPorts()
  const { ADMIN_PORT = '' } = await otherPorts()
  const other = await startHere(t, world, { ...ports, ADMIN_PORT, METRICS_PORT })
  const { status, text } = await call(`http://127.0.0.1:${METRICS_PORT}/metrics`)
  t.equal(status, 200)
  t.match(text, '\nkhipu_ledger_up 1\n')
  t.equal((await other.api('GET', '/metrics')).status, 404)
  t.match(
    other.logs.find(({ msg }) => msg === 'metrics listener open'),
    { address: `http://127.0.0.1:${METRICS_PORT}` }
  )
  await other.close()
  await t.rejects(fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`), 'it closes with the service')
})
