import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { v7 } from 'uuid'
import type { Notification } from '../../../src/core/notification.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import { beginSending } from '../../../src/core/transitions/on-send.ts'
import { applyFailure } from '../../../src/core/transitions/apply-decision.ts'
import type { Quarantined } from '../../../src/ledger/quarantine/quarantine.ts'
import { bytes, ok, receive } from '../../helpers/callbacks.ts'
import { dump, keysThatShow } from '../../helpers/dump.ts'
import { context, ask, askIn, BTG, change } from '../../helpers/requests.ts'
import { DAY, HOUR, keysWith, openService, type Service, tick } from '../../helpers/service.ts'
import { advance, beginRelease, countNotified, releaseParked } from '../../helpers/handlers.ts'

const faults = [{ path: '/Status', rule: 'enum', message: 'must be one of OK, ERROR' }]
const body = Buffer.from('{"Status":"canary-of-a-kept-body"}')

t.test('a body is kept byte for byte, sealed, with the reasons', async (t) => {
  const { quarantine, catalog, redis, queuePrefix } = await openService(t)
  const from = { requestId: v7(), attempt: 2 }
  const before = await catalog.now()
  const id = await quarantine.keep(from, 'schema', faults, body)
  const kept = await quarantine.find(id ?? '')
  t.match(kept, {
    ...from,
    quarantineId: id,
    kind: 'schema',
    faults,
    size: body.length,
    sha256: createHash('sha256').update(body).digest('hex')
  })
  t.ok(kept && before <= kept.receivedAt && kept.receivedAt <= (await catalog.now()))
  t.same(kept && (await quarantine.open(kept)), body)
  t.same(keysThatShow(await dump(redis, queuePrefix), 'canary-of-a-kept-body'), [])
})

t.test('any bytes at all are kept as they are', async (t) => {
  const { quarantine } = await openService(t)
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
    const from = { requestId: v7(), attempt: 1 }
    const kept = await quarantine.find((await quarantine.keep(from, 'not-json', [], bytes)) ?? '')
    return kept !== null && (await quarantine.open(kept))?.equals(bytes) === true
  })
  await t.resolves(fc.assert(property, { numRuns: 50 }))
})

t.test('the same bytes on the same capability are one entry', async (t) => {
  const { quarantine } = await openService(t)
  const [one, other] = [v7(), v7()]
  const keep = (requestId: string, attempt: number, bytes = body) =>
    quarantine.keep({ requestId, attempt }, 'schema', faults, bytes)
  const first = await keep(one, 1)
  t.equal(await keep(one, 1), first)
  t.same(await Promise.all([keep(one, 1), keep(one, 1), keep(one, 1)]), [first, first, first])
  t.equal((await quarantine.usage()).entries, 1)
  const others = [await keep(one, 2), await keep(other, 1), await keep(one, 1, Buffer.from('{}'))]
  t.equal(new Set([first, ...others]).size, 4)
  t.equal((await quarantine.usage()).entries, 4)
})

t.test('entries are listed newest first, a page at a time, and discarded one by one', async (t) => {
  const { quarantine, catalog } = await openService(t)
  const ids: string[] = []
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const id = await quarantine.keep({ requestId: v7(), attempt }, 'not-json', [], body)
    ids.unshift(id ?? '')
    await tick({ catalog })
  }
  const list = async (behind: string | null, limit: number) => {
    const place = behind === null ? null : await quarantine.find(behind)
    return (await quarantine.list(place, limit)).map(({ quarantineId }) => quarantineId)
  }
  const at = (index: number) => ids.at(index) ?? ''
  t.same(await list(null, 10), ids)
  t.same(await list(null, 2), ids.slice(0, 2))
  t.same(await list(at(1), 2), ids.slice(2, 4))
  t.same(await list(at(3), 2), ids.slice(4))
  t.same(await list(at(4), 2), [])
  const [newest = ''] = ids
  t.equal(await quarantine.discard(newest), true)
  t.equal(await quarantine.discard(newest), false)
  t.equal(await quarantine.find(newest), null)
  t.same(await list(null, 10), ids.slice(1))
  const third = await quarantine.find(ids[2] ?? '')
  await quarantine.tidy((third?.receivedAt ?? 0) + 30 * DAY)
  t.same(await list(null, 10), ids.slice(1, 2), 'an entry of that instant is discarded, too')
})

t.test(
  'entries of one instant are listed each once, whatever comes and goes meanwhile',
  async (t) => {
    const service = await openService(t)
    const { quarantine, redis } = service
    const keep = async () => {
      const id = await quarantine.keep({ requestId: v7(), attempt: 1 }, 'schema', faults, body)
      if (id === null) throw new Error('the quarantine is full')
      return id
    }
    const ids = await Promise.all(Array.from({ length: 40 }, keep))
    // Redis would need them within one millisecond: they are put there.
    const at = (await quarantine.find(ids[0] ?? ''))?.receivedAt ?? 0
    for (const id of ids) {
      await redis.hset(`${service.tag}:quarantine:${id}`, 'receivedAt', at)
      await redis.zadd(`${service.tag}:quarantine`, at, id)
    }
    for (const limit of [1, 7, 39, 40, 41]) {
      const seen: string[] = []
      let last: Quarantined | null = null
      for (;;) {
        const page: readonly Quarantined[] = await quarantine.list(last, limit)
        seen.push(...page.map(({ quarantineId }) => quarantineId))
        if (page.length < limit) break
        last = page.at(-1) ?? null
      }
      t.same(seen, ids.toSorted().toReversed(), `${limit} at a time`)
    }
    const [first, second = null] = await quarantine.list(null, 2)
    await keep()
    await quarantine.discard(first?.quarantineId ?? '')
    await quarantine.discard(second?.quarantineId ?? '')
    const rest = (await quarantine.list(second, 99)).map(({ quarantineId }) => quarantineId)
    t.same(rest, ids.toSorted().toReversed().slice(2), 'behind an entry that is gone')
  }
)

const bounded = { mostEntries: 3, mostBytes: 100, retentionMs: 30 * DAY }
const kept = async ({ quarantine }: Service) =>
  (await quarantine.list(null, 99)).map(({ size }) => size).toReversed()
/** Keeps a body, in a millisecond of its own, of a request of its own. */
async function keepOf(service: Service, size: number) {
  await tick(service)
  await service.quarantine.keep(
    { requestId: v7(), attempt: 1 },
    'schema',
    faults,
    randomBytes(size)
  )
}

t.test('of more entries than there may be, the oldest give way and are counted', async (t) => {
  const service = await openService(t, { quarantine: bounded })
  for (const size of [1, 2, 3]) await keepOf(service, size)
  t.match(await service.quarantine.usage(), { entries: 3, bytes: 6, evicted: 0, filled: 1 })
  for (const size of [4, 5]) await keepOf(service, size)
  t.same(await kept(service), [3, 4, 5])
  t.match(await service.quarantine.usage(), { entries: 3, bytes: 12, evicted: 2 })
})

t.test('of more bytes than there may be, the oldest give way, but never the newest', async (t) => {
  const service = await openService(t, { quarantine: bounded })
  for (const size of [40, 60]) await keepOf(service, size)
  t.match(await service.quarantine.usage(), { bytes: 100, evicted: 0 })
  await keepOf(service, 41)
  t.same(await kept(service), [41], 'both had to go')
  await keepOf(service, 101)
  t.same(await kept(service), [101])
  t.match(await service.quarantine.usage(), { entries: 1, bytes: 101, evicted: 3 })
  t.same(await keysWith(service.redis, `${service.tag}:kept:`).then((keys) => keys.length), 1)
})

t.test('a late callback takes its room as well, and the sweep makes it', async (t) => {
  const service = await openService(t, { quarantine: { ...bounded, mostBytes: 1000 } })
  for (const size of [1, 2, 3]) await keepOf(service, size)
  const requestId = await askIn(service, 'failed')
  await receive(service, requestId, ok())
  await advance(service, requestId, (request) => request)
  t.equal((await service.quarantine.usage()).entries, 4)
  await service.quarantine.tidy(await service.catalog.now())
  t.same((await kept(service)).slice(0, 2), [2, 3])
  t.match(await service.quarantine.usage(), { entries: 3, evicted: 1 })
})

t.test('a body that is kept again for another reason takes its room once', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'failed')
  const { length } = bytes(ok())
  const id = await service.quarantine.keep({ requestId, attempt: 1 }, 'schema', faults, bytes(ok()))
  await receive(service, requestId, ok())
  await advance(service, requestId, (request) => request)
  t.match(await service.quarantine.list(null, 9), [
    { quarantineId: id, kind: 'late', size: length }
  ])
  t.match(await service.quarantine.usage(), { entries: 1, bytes: length })
  await service.quarantine.discard(id ?? '')
  t.match(await service.quarantine.usage(), { entries: 0, bytes: 0 })
})

t.test('a request has its share, which grows again when an entry is discarded', async (t) => {
  const { quarantine } = await openService(t)
  const from = { requestId: v7(), attempt: 1 }
  const ids = []
  for (let n = 0; n < 20; n += 1) {
    ids.push(await quarantine.keep(from, 'schema', faults, Buffer.from(`body ${n}`)))
  }
  const more = Buffer.from('one more')
  t.equal(await quarantine.keep(from, 'schema', faults, more), null)
  t.equal(await quarantine.keep(from, 'schema', faults, Buffer.from('body 3')), ids[3])
  await quarantine.discard(ids[0] ?? '')
  t.type(await quarantine.keep(from, 'schema', faults, more), 'string')
  t.equal(await quarantine.keep(from, 'schema', faults, Buffer.from('and more')), null)
})

/** Keeps late bodies of one request, each for another attempt. */
function keepLate({ quarantine }: Pick<Service, 'quarantine'>, requestId = v7()) {
  return async (attempt: number) => {
    const id = await quarantine.keep({ requestId, attempt }, 'late', [], body)
    const kept = await quarantine.find(id ?? '')
    if (kept === null) throw new Error('it is not kept')
    return kept
  }
}

t.test('one entry, and no other, can be the late result of a request', async (t) => {
  const service = await openService(t)
  const { quarantine } = service
  const keep = keepLate(service)
  const [first, second, another] = [await keep(1), await keep(2), await keepLate(service)(1)]
  t.equal(await quarantine.claimLate(first), 'claimed')
  t.equal(await quarantine.claimLate(second), 'taken')
  t.equal(await quarantine.claimLate(first), 'claimed', 'again is as good as once')
  t.equal(await quarantine.claimLate(another), 'claimed')
  await quarantine.discard(first.quarantineId)
  t.equal(await quarantine.claimLate(second), 'claimed', 'nothing was published of what has gone')
  await quarantine.settleLate(second)
  t.equal(await quarantine.claimLate(second), 'published')
  await quarantine.discard(second.quarantineId)
  t.equal(await quarantine.claimLate(await keep(3)), 'taken', 'for good')
})

t.test('a claim as version 0.1.0 wrote it is that of its entry for good', async (t) => {
  const service = await openService(t)
  const { quarantine, redis, tag } = service
  const requestId = v7()
  const keep = keepLate(service, requestId)
  const [first, second] = [await keep(1), await keep(2)]
  await redis.set(`${tag}:late:${requestId}`, first.quarantineId)
  t.equal(await quarantine.claimLate(second), 'taken')
  t.equal(await quarantine.claimLate(first), 'claimed')
})

const any: Omit<Notification, 'at'> = { service: null, code: null, reason: null, requestIds: null }

t.test('old notifications are forgotten, and no decision sees them any more', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'sending')
  const { notification } = await service.notifications.record(any)
  t.equal((await service.ledger.load(requestId))?.notifications.length, 1)
  await service.notifications.forgetBefore(notification.at - 1)
  t.equal((await service.ledger.load(requestId))?.notifications.length, 1)
  await service.notifications.forgetBefore(notification.at)
  t.equal((await service.ledger.load(requestId))?.notifications.length, 0)
})

const ACCOUNTS = 'cl/banking/business/bci.cl/accounts'
const PARKED: readonly [
  name: string,
  service: string,
  cause: 'unauthorized' | 'unknown-type',
  code: string | null
][] = [
  ['btg E999', BTG, 'unknown-type', 'E999'],
  ['btg I001', BTG, 'unknown-type', 'I001'],
  ['btg 401', BTG, 'unauthorized', null],
  ['bci E999', ACCOUNTS, 'unknown-type', 'E999']
]
const FILTERS: readonly [what: string, filter: Partial<Notification>, found: readonly string[]][] =
  [
    ['everything', {}, ['btg E999', 'btg I001', 'btg 401', 'bci E999']],
    ['a service', { service: ACCOUNTS }, ['bci E999']],
    ['a code', { code: 'E999' }, ['btg E999', 'bci E999']],
    ['a reason', { reason: 'unauthorized' }, ['btg 401']],
    ['all that it names', { service: BTG, code: 'E999', reason: 'unknown-type' }, ['btg E999']],
    ['nothing where one does not fit', { code: 'E999', reason: 'unauthorized' }, []],
    ['no unknown request', { requestIds: [v7()] }, []]
  ]

t.test('a notification finds what is parked and matches, oldest first', async (t) => {
  const service = await openService(t)
  const names = new Map<string, string>()
  for (const [name, path, cause, code] of PARKED) {
    const requestId = await ask(service, { service: path })
    await change(service, requestId, (request, now) => {
      const world = context(service, now)
      const failure = { cause, code, receivedAt: now, retryAfterMs: null }
      return applyFailure(beginSending(request, world, 1), failure, world)
    })
    names.set(requestId, name)
  }
  await askIn(service, 'retry-scheduled')
  const find = async (filter: Partial<Notification>) => {
    const notification = { ...any, ...filter, at: await service.catalog.now() }
    const { selection } = await beginRelease(service, { member: '', notification })
    const { requests } = await service.selections.page(selection, null, null)
    const { length } = requests
    t.equal(await countNotified(service, { ...any, ...filter }), length)
    return requests.map(({ requestId }) => names.get(requestId))
  }
  for (const [what, filter, found] of FILTERS) t.same(await find(filter), found, what)
  for (const [requestId, name] of names) t.same(await find({ requestIds: [requestId] }), [name])
})

t.test('what is parked is released paced, oldest first, over many pages', async (t) => {
  const policy = { ...BUILT_IN_POLICY, releasesPerSecond: 50 }
  const service = await openService(t, { policy })
  const parked: string[] = []
  for (let at = 0; at < 230; at += 1) parked.push(await askIn(service, 'parked'))
  const releasing = await service.notifications.record(any)
  const before = await service.catalog.now()
  t.equal(await releaseParked(service, releasing), 230)
  const released = await Promise.all(parked.map((id) => service.catalog.find(id)))
  const dues = released.map((request) => Number(request?.dueAt))
  const [first = 0] = dues
  t.ok(first >= before)
  t.same(
    dues.map((due) => due - first),
    dues.map((_, index) => index * 20)
  )
  t.ok(released.every((request) => request?.state === 'retry-scheduled'))
  const jobs = await service.queues.paced.getJobs()
  t.same(
    new Set(jobs.map(({ id }) => id)),
    new Set(released.map((request) => `paced-${request?.requestId}-1-${request?.dueAt}`))
  )
  t.equal(await releaseParked(service, releasing), 0, 'and not a second time')
})

t.test('what was parked after a notification waits for the next one', async (t) => {
  const service = await openService(t)
  const releasing = await service.notifications.record(any)
  const requestId = await askIn(service, 'parked', { ago: -HOUR })
  t.equal(await releaseParked(service, releasing), 0)
  t.equal((await service.catalog.find(requestId))?.state, 'parked')
})

t.test('no request pushes out what belongs to others: its own oldest gives way', async (t) => {
  const service = await openService(t, {
    quarantine: { mostEntries: 1000, mostBytes: 20_000, retentionMs: DAY }
  })
  for (let count = 0; count < 5; count += 1) await keepOf(service, 100)
  const requestId = await askIn(service, 'failed')
  const envelopeOf = (count: number) => ok({ AdditionalInformation: String(count).padStart(9) })
  for (let count = 0; count < 40; count += 1) {
    await receive(service, requestId, envelopeOf(count))
    await advance(service, requestId, (request) => request)
  }
  const entries = await service.quarantine.list(null, 99)
  const own = entries.filter((entry) => entry.requestId === requestId)
  t.equal(entries.length - own.length, 5, 'the others are all there')
  const bytes = own.reduce((sum, { size }) => sum + size, 0)
  t.ok(bytes <= 2000 && bytes > 1500, 'a tenth of the room, and not much less')
  const newest = own[0] && (await service.quarantine.open(own[0]))
  t.match(String(newest), '       39')
  t.equal((await service.quarantine.usage()).evicted, 40 - own.length)
})

t.test('what is refused has a tenth of the room, too, but never less than one body', async (t) => {
  const service = await openService(t, {
    quarantine: { mostEntries: 1000, mostBytes: 1000, retentionMs: DAY }
  })
  const from = { requestId: v7(), attempt: 1 }
  const keep = (size: number) => service.quarantine.keep(from, 'schema', faults, randomBytes(size))
  t.type(await keep(500), 'string')
  t.equal(await keep(1), null)
  from.requestId = v7()
  t.type(await keep(60), 'string')
  t.type(await keep(40), 'string')
  t.equal(await keep(1), null)
})
