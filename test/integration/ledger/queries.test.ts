import t from 'tap'
import { markPublished } from '../../../src/core/result-head.ts'
import { note, type Request, type State, STATES } from '../../../src/core/request.ts'
import { endRequest } from '../../../src/core/transitions/apply-decision.ts'
import { groupOf, isAskedFor as isInGroups, readGroup } from '../../../src/core/groups/group.ts'
import type { Page, Query } from '../../../src/ledger/listing.ts'
import { bytes, ok, receive } from '../../helpers/callbacks.ts'
import { ask, askIn, BTG, change, EVERYTHING, inGroups } from '../../helpers/requests.ts'
import { HOUR, keysWith, openService, type Service } from '../../helpers/service.ts'

/** All pages of a listing, one after the other. */
async function listAll(service: Service, query: Query): Promise<Request[]> {
  const { items, next } = await service.catalog.list(query)
  if (items.length > query.limit) throw new Error('a page is longer than its limit')
  const rest = next === null ? [] : await listAll(service, { ...query, before: next })
  return [...items, ...rest]
}

t.test('250 requests, listed by every filter, with any size of page', async (t) => {
  const service = await openService(t)
  const services = [BTG, 'cl/banking/business/bci.cl/accounts']
  const references = [null, 'run-1', 'run:{2} *']
  const asked: Request[] = []
  for (let at = 0; at < 250; at += 1) {
    const state = STATES[at % STATES.length] ?? 'queued'
    const path = services[Math.floor(at / 8) % 2] ?? BTG
    const reference = references[Math.floor(at / 16) % 3] ?? null
    const requestId = await askIn(service, state, { service: path, reference })
    const request = await service.catalog.find(requestId)
    if (request !== null) asked.unshift(request)
  }
  t.equal(asked.length, 250)

  const filters = [null, ...STATES].flatMap((state) =>
    [null, ...services, 'cl/banking/personal/itau.cl/accounts'].flatMap((path) =>
      [null, 'run-1', 'run:{2} *', 'run'].map((reference) => ({ state, service: path, reference }))
    )
  )
  for (const filter of filters) {
    const isAskedFor = (request: Request) =>
      (filter.state === null || request.state === filter.state) &&
      (filter.service === null || request.service === filter.service) &&
      (filter.reference === null || request.reference === filter.reference)
    const limit = filters.indexOf(filter) % 2 === 0 ? 7 : 200
    const { state, service: path, reference } = filter
    const narrow = reference === null ? null : ({ by: 'reference', value: reference } as const)
    const groups = inGroups({ state: state && [state], service: path === null ? null : [path] })
    const found = await listAll(service, { ...EVERYTHING, groups, narrow, limit })
    t.same(found, asked.filter(isAskedFor), JSON.stringify({ ...filter, limit }))
  }

  await t.test('groups merged into one list, with its exact total', async (t) => {
    const groupFilters = [
      inGroups({ state: ['parked', 'failed'] }),
      inGroups({ state: ['queued', 'sending', 'parked'], service: services }),
      inGroups({ reason: ['unauthorized', 'expired'] }),
      inGroups({ bank: ['bci.cl'] }),
      inGroups({ bank: ['btgpactual.cl', 'bci.cl'], state: ['retry-scheduled', 'delivered'] }),
      inGroups({ code: ['E999'] })
    ]
    for (const [index, groups] of groupFilters.entries()) {
      const matching = asked.filter((request) => isInGroups(groups, readGroup(groupOf(request))))
      for (const limit of [1, 7, 200]) {
        const query = { ...EVERYTHING, groups, limit }
        t.same(await listAll(service, query), matching, `filter ${index}, pages of ${limit}`)
        t.match(await service.catalog.list(query), { total: matching.length, partial: false })
      }
    }
    t.match(await service.catalog.list(EVERYTHING), { total: 250, partial: false })
  })

  await t.test('of an interval, by the instant in the id', async (t) => {
    const instantOf = ({ requestId }: Request) =>
      Number.parseInt(requestId.replace('-', '').slice(0, 12), 16)
    const since = instantOf(asked[200] as Request)
    const until = instantOf(asked[50] as Request)
    const within = asked.filter((one) => instantOf(one) >= since && instantOf(one) < until)
    t.ok(within.length > 100)
    for (const groups of [inGroups({}), inGroups({ state: ['parked', 'queued', 'failed'] })]) {
      const matching = within.filter((one) => isInGroups(groups, readGroup(groupOf(one))))
      const query = { ...EVERYTHING, groups, since, until, limit: 9 }
      t.same(await listAll(service, query), matching)
      const { next, ...page } = await service.catalog.list(query)
      t.match(page, { total: matching.length })
      const second = await service.catalog.list({ ...query, before: next })
      t.equal(second.total, matching.length, 'the same on every page')
    }
  })

  for (const limit of [1, 49, 50, 125, 200, 250]) {
    t.same(await listAll(service, { ...EVERYTHING, limit }), asked, `pages of ${limit}`)
  }

  await t.test('what is new comes before the first page and disturbs no later one', async (t) => {
    const first = await service.catalog.list(EVERYTHING)
    await ask(service)
    const second = await service.catalog.list({ ...EVERYTHING, before: first.next })
    t.same([...first.items, ...second.items], asked.slice(0, 100))
  })

  await t.test('while they move, none is shown twice, and none that stays is missed', async (t) => {
    const groups = inGroups({ state: ['queued', 'parked', 'awaiting-callback'] })
    const query = { ...EVERYTHING, groups, limit: 10 }
    const stays = new Set((await listAll(service, query)).map(({ requestId }) => requestId))
    const shown: string[] = []
    let before: string | null = null
    do {
      const page: Page = await service.catalog.list({ ...query, before })
      shown.push(...page.items.map(({ requestId }) => requestId))
      before = page.next
      const moved = [...stays].slice(0, 5)
      for (const requestId of moved) {
        stays.delete(requestId)
        await change(service, requestId, (request, at) =>
          request.endedAt === null ? endRequest(request, 'failed', 'expired', { at }) : request
        )
      }
    } while (before !== null)
    t.equal(new Set(shown).size, shown.length)
    t.same(
      [...stays].filter((id) => !shown.includes(id)),
      []
    )
  })
})

t.test('accepted is live and ended together, whatever happens', async (t) => {
  const service = await openService(t)
  const count = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((sum, one) => sum + one, 0)
  for (const state of [...STATES, ...STATES.slice(0, 5)]) await askIn(service, state)
  const { accepted, live, ended } = await service.catalog.totals()
  t.equal(accepted, 13)
  t.same(live, {
    queued: 2,
    sending: 2,
    'awaiting-callback': 2,
    'retry-scheduled': 2,
    parked: 2
  })
  t.same(ended, { delivered: 1, failed: 1, cancelled: 1 })
  for (const { requestId } of await listAll(service, EVERYTHING)) {
    await change(service, requestId, (request, at) =>
      request.endedAt === null ? endRequest(request, 'failed', 'expired', { at }) : request
    )
    const now = await service.catalog.totals()
    t.equal(count(now.live) + count(now.ended), 13)
  }
  t.match(await service.catalog.totals(), {
    accepted: 13,
    ended: { failed: 11 },
    live: { parked: 0 }
  })
})

t.test('overdue is what has not moved since its instant, oldest first', async (t) => {
  const service = await openService(t)
  const now = await service.catalog.now()
  const old: Record<string, string> = {}
  for (const [at, state] of STATES.entries()) {
    old[state] = await askIn(service, state, { ago: (400 - at) * HOUR })
    await askIn(service, state, { ago: -HOUR })
  }
  const requests = await Promise.all(Object.values(old).map((id) => service.catalog.find(id)))
  const expected = requests
    .map((request) => [Number(request?.dueAt ?? request?.endedAt), request?.state] as const)
    .filter(([instant]) => instant <= now)
    .toSorted(([one], [other]) => one - other)
    .map(([, state]) => state)
  const overdue = await service.catalog.overdue(now)
  t.same(
    overdue.map((id) => STATES.find((state) => old[state] === id) ?? id),
    expected
  )
  t.same(new Set(expected), new Set(STATES), 'it can happen in every state')
})

t.test('a request is no longer overdue once its result is published', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'failed', { ago: HOUR })
  const now = await service.catalog.now()
  t.same(await service.catalog.overdue(now), [requestId])
  await change(service, requestId, markPublished)
  t.same(await service.catalog.overdue(now), [])
})

t.test('a request is overdue, whatever its instant, while a callback is unread', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const at = await service.catalog.now()
  t.same(await service.catalog.overdue(at), [])
  await receive(service, requestId, ok())
  t.same(await service.catalog.overdue(at - 1), [])
  t.same(await service.catalog.overdue((await service.catalog.now()) + 1), [requestId])
  await change(service, requestId, (request) => note(request, { at: 0, event: 'x' }))
  t.same(await service.catalog.overdue((await service.catalog.now()) + 1), [])
})

t.test('an ended and published request is forgotten without a trace', async (t) => {
  const service = await openService(t)
  const { catalog, ledger, redis } = service
  const published = async (state: State, ago: number) => {
    const requestId = await askIn(service, state, { ago, reference: 'r' })
    await receive(service, requestId, ok())
    await change(service, requestId, markPublished)
    return requestId
  }
  const now = await catalog.now()
  const gone = [await published('delivered', 3 * HOUR), await published('cancelled', 2 * HOUR)]
  const unpublished = await askIn(service, 'failed', { ago: 3 * HOUR })
  const open = await askIn(service, 'awaiting-callback', { ago: 3 * HOUR })
  const recent = await published('failed', HOUR / 2)

  t.equal(await catalog.forgetEndedBefore(now - HOUR, 100), 2)
  for (const requestId of gone) {
    t.equal(await ledger.has(requestId), false)
    t.equal(await receive(service, requestId, ok({ Data: [] })), 'unknown')
    t.same(await keysWith(redis, requestId), [])
  }
  const left = await listAll(service, EVERYTHING)
  t.same(new Set(left.map(({ requestId }) => requestId)), new Set([unpublished, open, recent]))
  for (const index of ['state:delivered', 'state:cancelled', `service:${BTG}`, 'ended', 'due']) {
    const members = await redis.zrange(`${service.tag}:${index}`, '0', '-1')
    t.notOk(
      members.some((id) => gone.includes(id)),
      index
    )
  }
  t.match(await catalog.totals(), { accepted: 5, ended: { delivered: 1, cancelled: 1, failed: 2 } })
  t.equal(await catalog.forgetEndedBefore(now - HOUR, 100), 0)
})

t.test('no more are forgotten at once than asked', async (t) => {
  const service = await openService(t)
  for (let at = 0; at < 5; at += 1) {
    const requestId = await askIn(service, 'failed', { ago: HOUR })
    await change(service, requestId, markPublished)
  }
  const now = await service.catalog.now()
  t.same(await service.catalog.forgetEndedBefore(now, 3), 3)
  t.same(await service.catalog.forgetEndedBefore(now, 3), 2)
  t.match(await service.catalog.totals(), { accepted: 5, ended: { failed: 5 } })
})

t.test('of a request that is forgotten no index and no value is left', async (t) => {
  const service = await openService(t)
  const { redis, tag, quarantine } = service
  const requestId = await ask(service, { reference: 'run-1', turns: true })
  await receive(service, requestId, ok())
  await change(service, requestId, (request, at) =>
    endRequest(request, 'failed', 'expired', { at })
  )
  const from = { requestId, attempt: 1 }
  const kept = await quarantine.find((await quarantine.keep(from, 'late', [], bytes(ok()))) ?? '')
  t.ok(kept && (await quarantine.claimLate(kept)))
  await quarantine.discard(kept?.quarantineId ?? '')
  await change(service, requestId, markPublished)
  const ofTheLedger = async () => {
    const keys = await keysWith(redis, `${tag}:`)
    return keys.filter((key) => !/:(?:send|paced|callback|deadline):/.test(key.slice(tag.length)))
  }
  t.ok((await ofTheLedger()).length > 5)
  await service.catalog.forgetEndedBefore((await service.catalog.now()) + 1, 9)
  const left = (await ofTheLedger()).filter((key) => !key.startsWith(`${tag}:flow:`))
  t.same(left.toSorted(), [`${tag}:indexing`, `${tag}:totals`], 'but counts')
})
