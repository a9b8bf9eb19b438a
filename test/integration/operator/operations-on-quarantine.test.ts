import t from 'tap'
import type { OperationView } from '../../../src/schemas/generated.ts'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { carryOnNow } from '../../helpers/handlers.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import type { Service } from '../../helpers/service.ts'

async function keep(
  service: Service,
  requestId: string,
  body: Buffer,
  kind: 'schema' | 'not-json' = 'schema'
): Promise<string> {
  return (await service.quarantine.keep({ requestId, attempt: 1 }, kind, [], body)) ?? ''
}

const NOT_JSON = Buffer.from('{')

t.test('kept bodies are accepted in bulk, and one that can’t be is refused', async (t) => {
  const service = await openServerService(t)
  const { post, get } = await openAdmin(t, service)
  const ids = [
    await askIn(service, 'awaiting-callback'),
    await askIn(service, 'awaiting-callback'),
    await askIn(service, 'awaiting-callback')
  ] as const
  for (const id of [ids[0], ids[1]]) await keep(service, id, bytes(ok()))
  const broken = await keep(service, ids[2], NOT_JSON, 'not-json')
  const accept = { action: 'accept', filter: { kind: ['schema', 'not-json'] } }
  const preview = { matched: 3, byBank: [], costsAtMost: 0, notAllowed: 0 }
  t.same((await post('/v1/operations', { ...accept, dryRun: true })).json, preview)
  const begun = await post('/v1/operations', { ...accept, expected: 3 })
  t.match(begun, { status: 202, json: { state: 'running', matched: 3, canary: 'none' } })
  const { operation } = begun.json as OperationView
  await carryOnNow(service, operation)
  const done = await get(`/v1/operations/${operation}`)
  t.match(done.json, { state: 'done', done: 2, refused: 1, skipped: 0 })
  for (const id of [ids[0], ids[1]]) {
    const request = await service.catalog.find(id)
    t.match(request, { state: 'delivered' })
    t.ok(request?.history.some((event) => event['operation'] === operation))
  }
  t.match(await service.quarantine.list(null, 9), [{ quarantineId: broken }])
})

t.test('kept bodies are discarded in bulk: those that are named, or all so far', async (t) => {
  const service = await openServerService(t)
  const { post, get } = await openAdmin(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  const named = await keep(service, requestId, Buffer.from('{1'))
  for (let count = 2; count < 6; count += 1)
    await keep(service, requestId, Buffer.from(`{${count}`))
  const discard = async (body: object) => {
    const { json } = await post('/v1/operations', { action: 'discard', ...body })
    return (json as OperationView).operation
  }
  const first = await discard({ quarantineIds: [named, 'none'] })
  await carryOnNow(service, first)
  t.equal((await service.quarantine.usage()).entries, 4)
  const second = await discard({ all: true })
  const later = await keep(service, requestId, Buffer.from('{later'))
  await service.redis.zadd(`${service.tag}:quarantine`, Date.now() + 60_000, later)
  await service.redis.hset(`${service.tag}:quarantine:${later}`, 'receivedAt', Date.now() + 60_000)
  await carryOnNow(service, second)
  t.match((await get(`/v1/operations/${second}`)).json, { state: 'done', matched: 4, done: 4 })
  t.match(await service.quarantine.list(null, 9), [{ quarantineId: later }])
})

t.test('what is for requests is not for kept bodies, and the other way round', async (t) => {
  const { post } = await openAdmin(t, await openServerService(t))
  for (const body of [
    { action: 'discard', filter: { state: ['parked'] } },
    { action: 'accept', requestIds: ['01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'] },
    { action: 'release', quarantineIds: ['x'] }
  ]) {
    const answer = await post('/v1/operations', body)
    t.match(answer, { status: 422, json: { code: 'filter-not-supported' } }, body.action)
  }
})

t.test('many that came in one millisecond are all found', async (t) => {
  const service = await openServerService(t)
  const { post, get } = await openAdmin(t, service)
  for (let count = 0; count < 230; count += 1) {
    const requestId = await askIn(service, 'failed')
    const id = await keep(service, requestId, Buffer.from(`{${count}`))
    await service.redis.zadd(`${service.tag}:quarantine`, 1_000, id)
    await service.redis.hset(`${service.tag}:quarantine:${id}`, 'receivedAt', 1_000)
  }
  const { json } = await post('/v1/operations', { action: 'discard', all: true })
  const { operation } = json as OperationView
  await carryOnNow(service, operation)
  t.match((await get(`/v1/operations/${operation}`)).json, {
    state: 'done',
    matched: 230,
    done: 230
  })
  t.equal((await service.quarantine.usage()).entries, 0)
})
