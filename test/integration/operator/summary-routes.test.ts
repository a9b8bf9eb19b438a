import t from 'tap'
import { sum } from '../../../src/core/sum.ts'
import { check } from '../../../src/schemas/validate.ts'
import { ask, askIn, BTG } from '../../helpers/requests.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { HOUR } from '../../helpers/service.ts'
import { call } from '../../helpers/wire.ts'

const BCI = 'cl/banking/business/bci.cl/transactions'

t.test('an empty ledger says that nothing waits', async (t) => {
  const { get } = await openAdmin(t, await openServerService(t))
  const { status, json } = await get('/v1/summary')
  t.equal(status, 200)
  t.match(check('summary', json), { valid: true })
  t.match(json, {
    verdict: { level: 'ok', text: 'Nothing waits for anybody.', needsSomebody: 0 },
    accounting: { accepted: 0, unaccounted: 0 },
    states: { parked: { count: 0, oldestRequestedAt: null }, queued: { count: 0 } },
    groups: []
  })
})

t.test('a summary counts every request once, by state and by cause', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const before = Date.now()
  for (let count = 0; count < 3; count += 1) await askIn(service, 'parked')
  await askIn(service, 'parked', { service: BCI })
  await askIn(service, 'awaiting-callback')
  await askIn(service, 'failed', { service: BCI })
  const { json } = await get('/v1/summary')
  t.match(check('summary', json), { valid: true })
  t.match(json, {
    verdict: { level: 'attention', text: '4 requests need somebody.', needsSomebody: 4 },
    accounting: { accepted: 6, ended: 1, live: 5, unaccounted: 0, setAside: 0 },
    states: {
      parked: { count: 4 },
      'awaiting-callback': { count: 1 },
      failed: { count: 1 },
      queued: { count: 0 }
    },
    groups: [
      { state: 'parked', service: BTG, bank: 'btgpactual.cl', count: 3, needs: 'somebody' },
      { state: 'parked', service: BCI, bank: 'bci.cl', count: 1, advice: 'wait-then-release' },
      { needs: 'nobody', advice: null },
      { needs: 'nobody', advice: null }
    ]
  })
  const { states } = json as { states: Record<string, { oldestRequestedAt: string }> }
  const oldest = Date.parse(states['parked']?.oldestRequestedAt ?? '')
  t.ok(oldest >= before - 1_000 && oldest <= Date.now() + 1_000)

  const byBank = await get('/v1/summary?by=bank&state=parked,failed')
  t.match(byBank.json, {
    groups: [
      { state: 'parked', bank: 'btgpactual.cl', reason: null, service: null, count: 3 },
      { state: 'parked', bank: 'bci.cl', count: 1 },
      { state: 'failed', bank: 'bci.cl', count: 1 }
    ]
  })
  t.match((await get('/v1/summary?since=2100-01-01T00:00:00Z')).json, {
    states: { parked: { count: 0 } },
    groups: []
  })
  t.match((await get('/v1/summary?since=2020-01-01T00:00:00Z')).json, {
    states: { parked: { count: 4 } }
  })
})

t.test('its count is that of the list with the same filter', async (t) => {
  const service = await openServerService(t, { partitions: 3 })
  const { get } = await openAdmin(t, service)
  for (let count = 0; count < 12; count += 1) await ask(service)
  const { json } = await get('/v1/summary')
  t.match(json, { states: { queued: { count: 12 } } })
  t.match((await get('/v1/requests?state=queued&limit=2')).json, { total: 12 })
})

t.test('while an older ledger is being indexed there are no groups', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  await askIn(service, 'parked')
  await service.redis.hdel(`${service.tag}:indexing`, 'done')
  const { json } = await get('/v1/summary')
  t.match(check('summary', json), { valid: true })
  t.match(json, { verdict: { needsSomebody: 1 }, groups: null, states: { parked: { count: 0 } } })
  t.match((await get('/v1/requests?state=parked')).json, { items: [{}], total: null })
})

t.test('trouble comes first', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  await askIn(service, 'queued', { ago: 3_600_000 })
  const overdue = await get('/v1/summary')
  t.match(overdue.json, { verdict: { level: 'trouble', text: /has been due for \d+ s/ } })
  await service.redis.hincrby(`${service.tag}:totals`, 'accepted', 2)
  const lost = await get('/v1/summary')
  t.match(lost.json, { verdict: { level: 'trouble', text: '2 requests are unaccounted for.' } })
})

for (const [query, path] of [
  ['by=state', '/by'],
  ['by=', '/by'],
  ['state=ended', '/state'],
  ['since=today', '/since'],
  ['cursor=x', '/cursor']
] as const) {
  t.test(`a summary asked for with ${query} is refused`, async (t) => {
    const { get } = await openAdmin(t, await openServerService(t))
    t.match(await get(`/v1/summary?${query}`), { status: 422, json: { errors: [{ path }] } })
  })
}

t.test(
  'a summary tells what is due when, and how full everything is, in the language asked for',
  async (t) => {
    const service = await openServerService(t)
    const { get, address } = await openAdmin(t, service)
    for (const ago of [0, 2 * HOUR]) await askIn(service, 'retry-scheduled', { ago })
    await askIn(service, 'awaiting-callback')
    const { json } = await get('/v1/summary')
    t.match(check('summary', json), { valid: true })
    const { due } = json as { due: Record<string, number>[] }
    t.equal(due.length, 12)
    const counts = (state: string) => due.map((step) => step[state] ?? 0)
    t.same(
      counts('retry-scheduled').flatMap((count, step) => (count > 0 ? [[step, count]] : [])),
      [
        [3, 1],
        [7, 1]
      ]
    )
    t.equal(sum(counts('awaiting-callback')), 1)
    t.match(json, {
      redis: { filled: 0.25 },
      spool: null,
      resultQueue: { waiting: 0, failed: 0, oldestSeconds: 0 }
    })
    const headers = { authorization: 'Bearer token-of-ana', 'accept-language': 'es-CL' }
    const spanish = await call(`${address}/v1/summary`, { headers })
    t.equal(spanish.headers.get('content-language'), 'es')
    t.match(spanish.json, { verdict: { text: 'Nada espera a nadie.' } })
  }
)
