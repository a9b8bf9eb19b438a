import t from 'tap'
import { check } from '../../../src/schemas/validate.ts'
import { bytes } from '../../helpers/callbacks.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { askIn, INPUT } from '../../helpers/requests.ts'

type Entry = Record<'by' | 'action' | 'target' | 'detail', string | null>

t.test('who changed or saw what is recorded once each, and nothing else is', async (t) => {
  const service = await openServerService(t)
  const { get, post, put, remove } = await openAdmin(t, service)
  const requestId = await askIn(service, 'parked')
  const keep = (body: string) =>
    service.quarantine.keep({ requestId, attempt: 1 }, 'schema', [], bytes({ body }))
  const [kept, other] = [await keep('one'), await keep('another')]
  await get('/v1/requests')
  await get(`/v1/requests/${requestId}`)
  await get('/v1/quarantine')
  await get('/v1/quarantine/unknown')
  await get(`/v1/quarantine/${kept}`)
  await post(`/v1/quarantine/${kept}/accept`, {})
  await remove(`/v1/quarantine/${other}`)
  await put(`/v1/requests/${requestId}/authorization`, { jwt: 'secret-of-the-audit' })
  await post(`/v1/requests/${requestId}/cancel`)
  await post(`/v1/requests/${requestId}/cancel`)
  const { json } = await get('/v1/audit')
  t.match(check('audit-list', json), { valid: true })
  const items = (json as { items: Entry[] }).items
  t.same(
    items.map(({ by, action, target }) => [by, action, target]),
    [
      ['ana', 'request-cancelled', requestId],
      ['ana', 'authorization-given', requestId],
      ['ana', 'quarantine-discarded', other],
      ['ana', 'body-read', kept]
    ]
  )
  const stored = await service.redis.xrange(`${service.tag}:audit`, '-', '+')
  t.notMatch(JSON.stringify(stored), /secret-of-the-audit|000011887755/)
  t.ok(JSON.stringify(INPUT).includes('000011887755'))

  const found = async (query: string) =>
    Object((await get(`/v1/audit?${query}`)).json).items.map(({ action }: Entry) => action)
  t.same(await found('action=body-read'), ['body-read'])
  t.same(await found(`target=${requestId}`), ['request-cancelled', 'authorization-given'])
  t.same(await found('by=ben'), [])
  t.match(await get('/v1/audit?action=slept'), {
    status: 422,
    json: { errors: [{ path: '/action' }] }
  })
  const first = await get('/v1/audit?limit=3')
  const next = await get(`/v1/audit?limit=3&cursor=${Object(first.json).nextCursor}`)
  t.match(next.json, { items: [{ action: 'body-read' }], nextCursor: null })
})

t.test('a body that nobody could be recorded to have seen is not shown', async (t) => {
  const service = await openServerService(t)
  const audit = { ...service.audit, record: () => Promise.reject(new Error('away')) }
  const { get, post } = await openAdmin(t, { ...service, audit })
  const requestId = await askIn(service, 'parked')
  const body = bytes({ text: 'canary-of-a-kept-body' })
  const kept = await service.quarantine.keep({ requestId, attempt: 1 }, 'schema', [], body)
  const shown = await get(`/v1/quarantine/${kept}`)
  t.equal(shown.status, 503)
  t.notMatch(shown.text, body.toString('base64'))
  t.equal((await post(`/v1/requests/${requestId}/cancel`)).status, 200, 'a change stands')
  t.match(await service.catalog.find(requestId), { state: 'cancelled' })
})
