import t from 'tap'
import { check } from '../../../src/schemas/validate.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { ACKNOWLEDGED, ask, askIn, BTG, change, context } from '../../helpers/requests.ts'
import { applyAnswer, beginSending } from '../../../src/core/transitions/on-send.ts'
import { HOUR } from '../../helpers/service.ts'

const BCI = 'cl/banking/business/bci.cl/transactions'

interface Listed {
  readonly items: readonly { readonly requestId: string; readonly [field: string]: unknown }[]
  readonly nextCursor: string | null
}

/** The ids on all pages of a list. */
async function idsOf(get: (path: string) => Promise<{ json: unknown }>, query: string) {
  const ids: string[] = []
  for (let cursor = ''; ;) {
    const { json } = await get(`/v1/requests?${query}${cursor}`)
    t.match(check('request-list', json), { valid: true }, query)
    const { items, nextCursor } = json as Listed
    ids.push(...items.map(({ requestId }) => requestId))
    if (nextCursor === null) return ids
    cursor = `&cursor=${nextCursor}`
  }
}

t.test('requests are found by the beginning of their reference, newest first', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const references = ['run-1', 'run-10', 'run', 'runé', 'run\u{1f600}', 'ru', 'Run-1', 'run-1']
  const ids: string[] = []
  for (const reference of references) ids.push(await ask(service, { reference }))
  await ask(service)
  const named = (pattern: RegExp) =>
    references.flatMap((one, at) => (pattern.test(one) ? [ids[at]] : [])).toReversed()
  t.same(await idsOf(get, 'referencePrefix=run&limit=2'), named(/^run/))
  t.same(await idsOf(get, 'referencePrefix=run-1'), named(/^run-1/))
  t.same(
    await idsOf(get, `referencePrefix=${encodeURIComponent('run\u{1f600}')}`),
    named(/\u{1f600}/u)
  )
  t.same(await idsOf(get, 'reference=run-1&limit=1'), named(/^run-1$/))
  t.same(await idsOf(get, 'referencePrefix=run&state=parked'), [])
  t.same(await idsOf(get, 'referencePrefix=walk'), [])
  t.match((await get('/v1/requests?referencePrefix=run')).json, { total: null, partial: false })
})

t.test("a request is found by Khipu's id of any of its attempts", async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const requestId = await ask(service)
  await askIn(service, 'awaiting-callback')
  for (const [index, operationId] of ['first', 'a{b}:*'].entries()) {
    await change(service, requestId, (request, now) => {
      const due = { ...request, state: 'queued', dueAt: now } as const
      const sent = beginSending(due, context(service, now), HOUR)
      return applyAnswer(sent, index + 1, { ...ACKNOWLEDGED, operationId }, context(service, now))
    })
  }
  t.same(await idsOf(get, 'operationId=first'), [requestId])
  t.same(await idsOf(get, `operationId=${encodeURIComponent('a{b}:*')}`), [requestId])
  t.same(await idsOf(get, `operationId=first&state=parked`), [])
  t.same(await idsOf(get, 'operationId=second'), [])
})

t.test('live requests are listed by the instant of their next step', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const asked: string[] = []
  for (const [index, state] of (
    ['parked', 'retry-scheduled', 'queued', 'failed'] as const
  ).entries()) {
    for (const service_ of [BTG, BCI]) {
      asked.push(await askIn(service, state, { service: service_, ago: index * 60_000 }))
    }
  }
  const all = await Promise.all(asked.map((id) => service.catalog.find(id)))
  const live = all
    .flatMap((one) => (one === null || one.dueAt === null || one.endedAt !== null ? [] : [one]))
    .toSorted((one, other) => (one.dueAt ?? 0) - (other.dueAt ?? 0))
  t.equal(live.length, 6)
  const ids = live.map(({ requestId }) => requestId)
  t.same(await idsOf(get, 'sort=due'), ids)
  t.same(await idsOf(get, 'sort=due&limit=1'), ids)
  t.same(
    await idsOf(get, 'sort=due&state=parked,queued&bank=bci.cl&limit=1'),
    live
      .filter(({ state, service: path }) => path === BCI && state !== 'retry-scheduled')
      .map(({ requestId }) => requestId)
  )
  const at = (index: number) => new Date(live[index]?.dueAt ?? 0).toISOString()
  t.same(await idsOf(get, `dueAfter=${at(2)}&dueBefore=${at(4)}`), ids.slice(2, 4))
  t.match((await get('/v1/requests?sort=due')).json, { total: null, partial: false })
})

t.test('many steps of one instant are listed once each', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const ids: string[] = []
  for (let count = 0; count < 7; count += 1) ids.push(await askIn(service, 'parked'))
  for (const id of ids) {
    await change(service, id, (request) => ({ ...request, dueAt: 5_000_000_000_000 }))
  }
  t.same(await idsOf(get, 'sort=due&limit=3'), ids.toSorted())
})

t.test('a view says since when, by whom, and who goes before it', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const first = await ask(service, { turns: true })
  const second = await ask(service, { turns: true })
  await change(service, second, (request) => ({ ...request, reason: 'account-busy' }))
  const parked = await askIn(service, 'parked', { ago: HOUR })
  t.match((await get(`/v1/requests/${second}`)).json, {
    blockedBy: first,
    requestedBy: 'tests',
    parked: null
  })
  const { json } = await get(`/v1/requests/${parked}`)
  const { stateSince, dueAt } = json as { stateSince: string; dueAt: string }
  t.match(json, { parked: { failsAt: dueAt, notBefore: null }, blockedBy: null })
  t.ok(
    Math.abs(Date.parse(stateSince) - Date.now()) < 10_000,
    'it is in its state since the change'
  )
  const { items } = (await get('/v1/requests?fields=summary')).json as Listed
  t.same(new Set(items.map(({ history }) => JSON.stringify(history))), new Set(['[]']))
})
