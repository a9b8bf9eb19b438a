import t, { type Test } from 'tap'
import { type End, endInWords } from '../../simulator/scenario-end.ts'
import { scenarios } from '../../simulator/scenarios.ts'
import type { Result } from '../../src/schemas/generated.ts'
import { check } from '../../src/schemas/validate.ts'
import { until } from '../helpers/until.ts'
import {
  accountOf,
  ask,
  atRest,
  resultJobs,
  resultsOf,
  startWorld,
  sumOf
} from '../helpers/world.ts'

const world = await startWorld(t, {
  khipu: { callbackDelayMs: 300, slowDelayMs: 2000, lateDelayMs: 4500 },
  policy: {
    releasesPerSecond: 100,
    retry: {
      'retry-immediately': { delays: ['0s', '100ms'], jitter: 0.2, maxRetries: 5 },
      'refused-logon': { delays: ['100ms'], jitter: 0.2, maxRetries: 1 },
      'wait-4-hours': { delays: ['2s'], jitter: '100ms', maxRetries: 6 },
      temporary: {
        delays: ['200ms', '300ms'],
        jitter: 0.2,
        maxRetries: 8,
        retryAfterMax: '4h'
      }
    }
  },
  env: { CALLBACK_TIMEOUT: '3s', KHIPU_REQUEST_TIMEOUT: '2s', SWEEP_INTERVAL: '2s' }
})
const service = await world.start()

const asked = await Promise.all(
  scenarios.map(async (scenario, number) => {
    const account = accountOf(scenario.prefix, number)
    return { ...scenario, account, requestId: await ask(service, account) }
  })
)
const parked = asked.filter(({ ends }) => ends.state === 'parked')
const released = asked.filter(({ afterRelease }) => afterRelease?.state !== 'parked')

t.test('every scenario ends as its row says', async (t) => {
  for (const { name, account, requestId, ends } of asked) {
    t.test(`${name}: ${endInWords(ends)}`, (t) => endsAs(t, requestId, account, ends))
  }
})

t.test('a notification finds what is parked by a dry run, and leaves it parked', async (t) => {
  const { status, body } = await service.api('POST', '/v1/notifications', {
    all: true,
    dryRun: true
  })
  t.equal(status, 200)
  t.same(body, { matched: parked.length, released: 0 })
  t.equal(await sumOf(service, 'khipu_requests_live', 'state="parked"'), parked.length)
})

t.test('a notification releases what it matches and nothing else', async (t) => {
  const matching = parked.filter(({ ends }) => 'reason' in ends && ends.reason === 'unauthorized')
  const reason = 'unauthorized'
  const { body } = await service.api('POST', '/v1/notifications', { reason })
  t.match(body, { matched: matching.length, released: matching.length, operation: /^op_/ })
  const rest = await service.api('POST', '/v1/notifications', { all: true, dryRun: true })
  t.equal((rest.body as { matched: number }).matched, parked.length - matching.length)
})

t.test('what was parked ends as its row says once it is released', async (t) => {
  await service.api('POST', '/v1/notifications', { all: true })
  for (const { name, account, requestId, afterRelease } of parked) {
    if (afterRelease === undefined) throw new Error(`${name} has no end after its release`)
    t.test(`${name}: ${endInWords(afterRelease)}`, (t) =>
      endsAs(t, requestId, account, afterRelease)
    )
  }
})

t.test('every request that ended has one result, which fits its schema', async (t) => {
  const ids = released.map(({ requestId }) => requestId)
  const byId = await resultsOf(world, ids)
  t.equal((await resultJobs(world)).length, ids.length)
  for (const { name, account, requestId, ends, afterRelease } of released) {
    t.test(`${name} has its result`, async (t) => {
      const job = byId.get(requestId)
      if (job === undefined) throw new Error('there is no such job')
      const { data } = job
      t.same(check('result', data, { list: 'all' }), { valid: true, value: data })
      t.equal(job.name, data.outcome)
      t.match(data, resultAs(requestId, account, afterRelease ?? ends))
    })
  }
})

t.test('the totals add up: accepted is ended plus live', async (t) => {
  const accepted = await sumOf(service, 'khipu_requests_accepted')
  const ended = await sumOf(service, 'khipu_requests_ended')
  const live = await sumOf(service, 'khipu_requests_live')
  t.equal(accepted, scenarios.length)
  t.equal(ended, released.length)
  t.equal(accepted, ended + live)
})

t.test('what could not be accepted is kept, each with its kind', async (t) => {
  const kinds = [
    ['bad-json-callback', 'not-json'],
    ['schema-breaking', 'schema'],
    // A 200 that can't be read may be the result all the same.
    ['garbage', 'not-json'],
    ['conflicting', 'conflict'],
    ['ok-after-failure', 'late'],
    ['too-late', 'late'],
    // The second attempt is answered as well, and its result is another one.
    ['late', 'conflict']
  ]
  const kept = await until('all is kept', async () => {
    const { body } = await service.api<Kept>('GET', '/v1/quarantine?limit=200')
    return body.items.length >= kinds.length ? body.items : null
  })
  const found = kept.map(({ requestId, kind }) => [nameOf(requestId), kind].join())
  t.same(found.toSorted(), kinds.map((pair) => pair.join()).toSorted())
})

t.test('a good result that came after the failure can be let through once', async (t) => {
  const { requestId } = rowOf('ok-after-failure')
  const { body } = await service.api<Kept>('GET', '/v1/quarantine?limit=200')
  const { quarantineId } = body.items.find((item) => item.requestId === requestId) ?? {}
  const path = `/v1/quarantine/${quarantineId}/accept`
  t.equal((await service.api('POST', path)).status, 200)
  t.equal((await service.api('POST', path)).status, 404)
  const late = (await resultJobs(world)).filter(({ id }) => id === `${requestId}-late`)
  t.match(late, [{ name: 'delivered', data: { requestId, outcome: 'delivered', reason: null } }])
  t.equal((await resultJobs(world)).length, released.length + 1)
})

t.test('Khipu is asked as its documentation demands', async (t) => {
  t.equal(world.khipu.calls.filter(({ attempt }) => attempt === 0).length, 0)
  for (const call of world.khipu.calls) {
    t.match(call, {
      path: '/v1/cl/banking/personal/btgpactual.cl/transactions',
      auth: 'api-key',
      credential: world.env['KHIPU_API_KEY']
    })
    t.same(call.requestData, { AccountNumber: call.account })
    t.ok((call.callbackUrl ?? '').length <= 255)
  }
})

t.test('a Retry-After is waited for', async (t) => {
  const { account } = rowOf('429')
  const [first, second] = world.khipu.calls.filter((call) => call.account === account)
  t.ok(Date.parse(second?.at ?? '') - Date.parse(first?.at ?? '') >= 1000)
})

t.test('the service has logged no error, and nothing but log lines', async (t) => {
  t.same(
    service.logs.filter(({ level }) => level >= 50),
    []
  )
  t.same(service.strays, [])
  t.equal(service.stderr(), '')
})

interface Kept {
  readonly items: readonly { requestId: string; kind: string; quarantineId: string }[]
}

async function endsAs(t: Test, requestId: string, account: string, end: End): Promise<void> {
  const seen = await atRest(service, requestId, end.attempts)
  const { state, attempts } = end
  const reason = end.state === 'delivered' ? null : end.reason
  t.match(seen, { requestId, state, reason, attempts, reference: account })
  t.equal(world.khipu.calls.filter((call) => call.account === account).length, attempts)
}

function resultAs(requestId: string, reference: string, end: End): Partial<Result> {
  const { attempts } = end
  return end.state === 'delivered'
    ? { requestId, reference, attempts, outcome: 'delivered', completeness: end.completeness }
    : { requestId, reference, attempts, outcome: 'failed', completeness: null }
}

function rowOf(name: string) {
  const row = asked.find((one) => one.name === name)
  if (row === undefined) throw new Error(`there is no scenario ${name}`)
  return row
}

function nameOf(requestId: string): string {
  return asked.find((one) => one.requestId === requestId)?.name ?? requestId
}
