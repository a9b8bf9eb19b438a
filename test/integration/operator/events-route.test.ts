import t, { type Test } from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { carryOnNow } from '../../helpers/handlers.ts'
import type { OperationView } from '../../../src/schemas/generated.ts'
import { check } from '../../../src/schemas/validate.ts'
import { endRequest } from '../../../src/core/transitions/apply-decision.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { ask, askIn, change } from '../../helpers/requests.ts'
import { until } from '../../helpers/until.ts'
import { call } from '../../helpers/wire.ts'

const authorization = 'Bearer token-of-reader'

/** Listens to events; `heard` grows with what comes. */
async function listen(t: Test, url: string, lastId?: string) {
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const headers = { authorization, ...(lastId !== undefined && { 'last-event-id': lastId }) }
  const response = await fetch(url, { headers, signal: abort.signal })
  const heard: { id: string; event: string; data: Record<string, unknown> }[] = []
  const stream = { text: '', isOver: false }
  const read = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      stream.text += decoder.decode(chunk as Uint8Array, { stream: true })
      const blocks = stream.text.split('\n\n')
      stream.text = blocks.pop() ?? ''
      for (const block of blocks.filter((one) => !one.startsWith(':'))) {
        const [, id = '', event = '', data = ''] =
          /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? []
        heard.push({ id, event, data: JSON.parse(data) as Record<string, unknown> })
      }
    }
  }
  read().then(
    () => (stream.isOver = true),
    () => (stream.isOver = true)
  )
  return { response, heard, stream, stop: () => abort.abort() }
}

t.test('what becomes of operations and of kept bodies arrives as well', async (t) => {
  const service = await openServerService(t)
  const { address, post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'parked')
  const { heard } = await listen(t, `${address}/v1/events`)
  const id =
    (await service.quarantine.keep({ requestId, attempt: 1 }, 'schema', [], bytes(ok()))) ?? ''
  const { json } = await post('/v1/operations', { action: 'cancel', filter: { state: ['parked'] } })
  const { operation } = json as OperationView
  await until('the first event has come', () => heard.length > 0)
  const own = await listen(t, `${address}/v1/events?operation=${operation}`, heard[0]?.id)
  const ended = await listen(t, `${address}/v1/events?state=cancelled`, heard[0]?.id)
  await carryOnNow(service, operation)
  await service.quarantine.discard(id)
  const ofQuarantine = { quarantineId: id, requestId, kind: 'schema' }
  const expected = [
    { event: 'quarantine', data: { ...ofQuarantine, change: 'kept' } },
    { event: 'operation', data: { operationId: operation, state: 'running' } },
    { event: 'operation', data: { state: 'done' } },
    { event: 'quarantine', data: { ...ofQuarantine, change: 'removed' } }
  ]
  await until('the last event has come', () => heard.at(-1)?.data['change'] === 'removed')
  for (const { event, data } of heard)
    t.match(check(`${event as 'request' | 'operation' | 'quarantine'}-event`, data), {
      valid: true
    })
  const [kept, begun, ...later] = heard.filter(({ event }) => event !== 'request')
  t.match([kept, begun, ...later.slice(-2)], expected)
  await until('the operation has ended there', () => own.heard.at(-1)?.data['state'] === 'done')
  t.same([...new Set(own.heard.map(({ event }) => event))], ['operation'])
  t.same([...new Set(ended.heard.map(({ event }) => event))], ['request'])
})

t.test('changes of requests arrive as they happen, and from where a client was', async (t) => {
  const service = await openServerService(t)
  const { address } = await openAdmin(t, service)
  await ask(service)
  const { response, heard, stop } = await listen(t, `${address}/v1/events`)
  t.equal(response.headers.get('content-type'), 'text/event-stream')
  t.equal(response.headers.get('cache-control'), 'no-store')
  const parked = await askIn(service, 'parked')
  await until('the events have come', () => heard.length === 2)
  for (const { data } of heard) t.match(check('request-event', data), { valid: true })
  t.match(heard, [
    { event: 'request', data: { requestId: parked, from: null, to: 'queued', reason: null } },
    {
      event: 'request',
      data: { from: 'queued', to: 'parked', reason: 'retry-after-notification', code: 'I001' }
    }
  ])
  stop()
  const missed = await ask(service)
  const again = await listen(t, `${address}/v1/events`, heard[0]?.id)
  await until('the events have come', () => again.heard.length === 2)
  t.match(again.heard, [{ data: { to: 'parked' } }, { data: { requestId: missed } }])
})

t.test('a filter lets only its events through', async (t) => {
  const service = await openServerService(t)
  const { address } = await openAdmin(t, service)
  const { heard } = await listen(
    t,
    `${address}/v1/events?state=parked,cancelled&bank=btgpactual.cl`
  )
  await askIn(service, 'parked', { service: 'cl/banking/business/bci.cl/transactions' })
  const id = await askIn(service, 'parked')
  await change(service, id, (request, now) =>
    endRequest(request, 'cancelled', 'cancelled', { at: now })
  )
  await until('the events have come', () => heard.length === 2)
  t.match(heard, [
    { data: { requestId: id, to: 'parked' } },
    { data: { requestId: id, to: 'cancelled' } }
  ])
})

t.test('a client that has missed deleted events is told to start anew', async (t) => {
  const service = await openServerService(t)
  const { address } = await openAdmin(t, service)
  await ask(service)
  for (const lastId of ['0:1-1', '0:1-1,1:1-1', 'x', '1:9-9', '']) {
    const { heard } = await listen(t, `${address}/v1/events`, lastId)
    if (lastId === '') continue
    await until('the events have come', () => heard.length === 1)
    t.match(heard, [{ event: 'reset', data: {} }], lastId)
  }
})

t.test('the end of the listener ends every stream at once', async (t) => {
  const service = await openServerService(t)
  const { address, app } = await openAdmin(t, service)
  const streams = [await listen(t, `${address}/v1/events`), await listen(t, `${address}/v1/events`)]
  const started = performance.now()
  await app.close()
  await until('the events have come', () => streams.every(({ stream }) => stream.isOver))
  t.ok(performance.now() - started < 5_000)
})

t.test('the hundred and first client is refused, until one leaves', async (t) => {
  const service = await openServerService(t)
  const { address } = await openAdmin(t, service)
  const streams = []
  for (let count = 0; count < 100; count += 1) streams.push(await listen(t, `${address}/v1/events`))
  const headers = { authorization }
  const refused = await call(`${address}/v1/events`, { headers })
  t.match(refused, { status: 503, json: { code: 'too-many-clients' } })
  streams[0]?.stop()
  await until(
    'the events have come',
    async () => (await listen(t, `${address}/v1/events`)).response.status === 200
  )
})

t.test('without events there is no such route', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service, { hasEvents: false })
  t.match(await get('/v1/events'), { status: 404, json: { code: 'unknown-route' } })
})
