import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { unaccounted } from '../../../src/ledger/queries.ts'
import { bytes, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { askIn, EVERYTHING } from '../../helpers/requests.ts'
import { HOUR, openService, type Service } from '../../helpers/service.ts'
import { openWorker } from '../../helpers/worker.ts'
import { openStored, type Stored, WITHIN } from './stored.ts'
import { advance, handleDeadline, handleSend, sweep } from '../../helpers/handlers.ts'

// A newer process reads what older ones have left behind, and leaves alone what it can't know yet.

const files = globSync('test/integration/upgrade/stored-*.json')

t.test('there is a ledger of an earlier version', async (t) => {
  t.ok(files.length > 0)
})

for (const file of files) {
  const stored = JSON.parse(readFileSync(file, 'utf8')) as Stored
  const idOf = (name: string) => stored.requests[name]?.requestId ?? ''

  t.test(`what version ${stored.version} has stored is read as it was meant`, async (t) => {
    const service = await openStored(t, stored.keys)
    for (const [name, request] of Object.entries(stored.requests)) {
      t.match(await service.catalog.find(request.requestId), request, name)
    }
    await service.groups.heal()
    const narrow = { by: 'reference', value: WITHIN.reference } as const
    const { items } = await service.catalog.list({ ...EVERYTHING, narrow })
    t.equal(items.length, 8)
    t.match(await service.ledger.openInput(idOf('on its way')), {
      RequestData: { AccountNumber: WITHIN.account }
    })
    const unread = await service.ledger.load(idOf('with an unread callback'))
    t.match(unread?.pending, [{ attempt: 1, outcome: { type: 'result' } }])
    const body = await service.ledger.openBody(
      idOf('with an unread callback'),
      unread?.pending[0]?.id ?? ''
    )
    t.same(body, bytes(ok()))
    t.not((await service.ledger.load(idOf('waiting for its turn')))?.busyUntil, null)
    const kept = await service.quarantine.list(null, 9)
    t.same(kept.map(({ kind }) => kind).toSorted(), ['conflict', 'not-json'])
    const [notJson] = kept.filter(({ kind }) => kind === 'not-json')
    t.same(notJson && (await service.quarantine.open(notJson)), WITHIN.notJson)
    const other = { requestId: 'another', fingerprint: bytes('another') }
    t.same(await service.idempotency.reserve('erp', WITHIN.idempotencyKey, other), {
      requestId: idOf('on its way'),
      fingerprint: bytes('fingerprint')
    })
    t.equal((await service.notifications.unfinished(Infinity)).length, 1)
  })

  t.test(`what version ${stored.version} has begun is ended, each once`, async (t) => {
    const service = await openStored(t, stored.keys)
    for (let round = 0; round < 3; round += 1) await doWhatIsDue(service)
    const { catalog, redis } = service
    t.same((await catalog.totals()).live, NO_ONE)
    t.equal(unaccounted(await catalog.totals()), 0)
    t.equal(await catalog.overdueMs(), 0)
    const ends = await Promise.all(
      Object.entries(stored.requests).map(async ([name, { requestId }]) => {
        const { state = '', reason = null } = (await catalog.find(requestId)) ?? {}
        return [name, reason ?? state] as const
      })
    )
    t.same(Object.fromEntries(ends), ENDS)
    const results = (await resultsOf(service)).map(({ id }) => id)
    const published = Object.values(stored.requests).filter(
      ({ publishedAt }) => publishedAt !== null
    )
    t.equal(new Set(results).size, results.length)
    t.equal(results.length + published.length, ends.length, 'and each has its result')
    for (const { requestId } of Object.values(stored.requests)) {
      t.equal(await redis.hexists(`${service.tag}:request:${requestId}`, 'sealed'), 0)
    }
  })
}

const NO_ONE = Object.fromEntries(
  ['queued', 'sending', 'awaiting-callback', 'retry-scheduled', 'parked'].map((state) => [state, 0])
)
/** After a hundred days nothing is sent any more. */
const ENDS = {
  queued: 'expired',
  sending: 'expired',
  'awaiting-callback': 'expired',
  'retry-scheduled': 'expired',
  parked: 'parked-too-long',
  delivered: 'delivered',
  failed: 'do-not-retry',
  cancelled: 'cancelled',
  'with an unread callback': 'delivered',
  'with an unpublished result': 'delivered',
  'with a conflict in quarantine': 'delivered',
  'on its way': 'expired',
  'waiting for its turn': 'expired',
  'whose log-on was refused': 'expired'
}

/** What the queues would hand out, and a sweep. */
async function doWhatIsDue(service: Service): Promise<void> {
  const { deps } = openWorker(service)
  await sweep({ ...service, ledgerRetentionMs: Infinity })
  for (const requestId of await service.catalog.overdue(await service.catalog.now())) {
    const at = (await service.catalog.find(requestId))?.dueAt ?? 0
    await handleSend(deps, { requestId, at })
    await handleDeadline(service, { requestId, at })
  }
}

t.test('what a newer version has written is left alone, and the rest is not', async (t) => {
  const service = await openService(t)
  const [newer, ours] = [
    await askIn(service, 'queued', { ago: HOUR }),
    await askIn(service, 'queued', { ago: HOUR })
  ]
  const key = `${service.tag}:request:${newer}`
  const record = JSON.stringify({ ...(await service.catalog.find(newer)), format: 2 })
  await service.redis.hset(key, 'record', record)
  const { deps, sends } = openWorker(service)
  const job = { requestId: newer, at: 0 }
  for (const handle of [() => handleSend(deps, job), () => handleDeadline(service, job)]) {
    await t.rejects(handle(), { message: 'document format 2 is of a newer version of the service' })
  }
  t.equal(await receive(service, newer, ok()), 'accepted', 'its callbacks are stored all the same')
  await sweep(service)
  t.equal(await service.redis.hget(key, 'record'), record)
  t.same(sends, [])
  const jobs = await service.queues.send.getJobs()
  t.match(jobs, [{ data: { requestId: ours } }])
})

t.test('a field that a version does not know survives it', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'queued')
  const key = `${service.tag}:request:${requestId}`
  const request = await service.catalog.find(requestId)
  await service.redis.hset(key, 'record', JSON.stringify({ ...request, later: { field: 1 } }))
  const { deps } = openWorker(service)
  await handleSend(deps, { requestId, at: request?.dueAt ?? 0 })
  await receive(service, requestId, ok())
  await advance(service, requestId, (before) => before)
  t.match(await service.catalog.find(requestId), { state: 'delivered', later: { field: 1 } })
})
