import { sleepIfEarly } from '../../../src/worker/handle-send.ts'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { Answer } from '../../../src/core/answer.ts'
import { applyDeadline } from '../../../src/core/transitions/on-deadline.ts'
import { authorize, cancel, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { type Request, type State, STATES } from '../../../src/core/request.ts'
import { classify } from '../../../src/khipu/classify-answer.ts'
import type { Step } from '../../../src/ledger/advance.ts'
import { openLedger } from '../../../src/ledger/open-ledger.ts'
import { bytes, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import {
  ACKNOWLEDGED,
  ask,
  askIn,
  change,
  INPUT,
  REQUEST_TIMEOUT_MS
} from '../../helpers/requests.ts'
import { DAY, HOUR, openService, secretKey, type Service, tick } from '../../helpers/service.ts'
import { noteSealed } from '../../helpers/seals.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import { advance, handleCallback, handleSend } from '../../helpers/handlers.ts'

const find = async ({ catalog }: Service, requestId: string) => {
  const request = await catalog.find(requestId)
  if (request === null) throw new Error('there is no such request')
  return request
}
const lastEvent = ({ history }: Request) => history.at(-1)?.event
const envelope = (content: object, status = 200): Answer =>
  classify({ status, body: bytes(content) }, 0)
const temporary = (retryAfterMs: number | null): Answer => ({
  type: 'temporary',
  httpStatus: 503,
  retryAfterMs,
  detail: 'HTTP 503'
})
const refused = (cause: 'unauthorized' | 'rejected'): Answer => ({
  type: 'refused',
  httpStatus: 400,
  cause,
  detail: 'HTTP 400'
})

t.test('one attempt goes out, with all that Khipu needs and a capability of its own', async (t) => {
  const service = await openService(t)
  const RequestData = { AccountNumber: '1', Other: [null, { '': 1.5 }] }
  const requestId = await ask(service, { service: 'cl/x', input: { RequestData } })
  const { deps, sends, answers } = openWorker(service)
  t.equal(await handleSend(deps, await jobOf(service, requestId)), undefined)
  t.match(sends, [
    {
      service: 'cl/x',
      requestData: RequestData,
      authorization: { apiKey: 'key-of-the-service' },
      callbackUrl: /^https:\/\/receiver\.example\/callbacks\/k1\./
    }
  ])
  t.equal(sends.length, 1)
  const token = sends[0]?.callbackUrl.split('/').at(-1) ?? ''
  t.same(service.capabilities.verify(token), { requestId, attempt: 1 })
  t.same(answers, ['acknowledged'])
})

const AUTHORIZATIONS = [
  [{ jwt: 'a.b.c' }, { jwt: 'a.b.c' }],
  [{ apiKey: 'own' }, { apiKey: 'own' }]
] as const

for (const [authorization, expected] of AUTHORIZATIONS) {
  t.test(`${Object.keys(authorization).join()} of a request beats the service's own`, async (t) => {
    const service = await openService(t)
    const input = { RequestData: {}, authorization }
    const requestId = await ask(service, { input })
    const { deps, sends } = openWorker(service)
    await handleSend(deps, await jobOf(service, requestId))
    t.strictSame(sends[0]?.authorization, expected)
  })
}

t.test('without any authorization nothing is sent, and the request is parked', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { deps, sends } = openWorker(service)
  await handleSend({ ...deps, authorization: null }, await jobOf(service, requestId))
  t.same(sends, [])
  t.match(await find(service, requestId), { state: 'parked', reason: 'unauthorized' })
})

t.test('that an attempt is being sent is committed before it goes out', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const seen: Request[] = []
  const { deps } = openWorker(service, async () => {
    seen.push(await find(service, requestId))
    return ACKNOWLEDGED
  })
  await handleSend(deps, await jobOf(service, requestId))
  t.match(seen, [{ state: 'sending', attempts: [{ number: 1, cause: null }] }])
  const [sending] = seen
  const due = Number(sending?.attempts[0]?.sendingAt) + REQUEST_TIMEOUT_MS + deps.callbackTimeoutMs
  t.equal(sending?.dueAt, due, 'with a deadline, should this process die')
})

for (const areAwaited of [false, true]) {
  const where = areAwaited ? 'replicas' : 'no replicas'
  t.test(`nothing is sent whose answer would be too late, with ${where}`, async (t) => {
    const service = await openService(t, { callbackTimeoutMs: 50 })
    const requestId = await ask(service)
    const { deps, sends } = openWorker(service)
    const slowly: Service['ledger']['load'] = async (...args) => {
      const loaded = await service.ledger.load(...args)
      if (loaded?.request.state === 'sending') await pause(100)
      return loaded
    }
    const commit: Service['ledger']['commit'] = async (...args) => {
      const committed = await service.ledger.commit(...args)
      if (!areAwaited) await pause(100)
      return committed
    }
    await handleSend(
      {
        ...deps,
        replicas: { ...deps.replicas, areAwaited },
        ledger: { ...deps.ledger, commit, load: slowly }
      },
      await jobOf(service, requestId)
    )
    t.same(sends, [])
    t.match(await find(service, requestId), { state: 'sending' }, 'which its deadline finds')
  })
}

t.test('one that another handler took for lost is sent all the same, and once', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const job = await jobOf(service, requestId)
  const other = openWorker(service)
  const { deps, sends } = openWorker(service)
  const commit: Service['ledger']['commit'] = async (entry, changed) => {
    const committed = await service.ledger.commit(entry, changed)
    if (changed.request.state === 'sending') await handleSend(other.deps, job)
    return committed
  }
  await handleSend({ ...deps, ledger: { ...deps.ledger, commit } }, job)
  t.same([sends.length, other.sends.length], [1, 0])
  t.match(await find(service, requestId), { state: 'awaiting-callback' })
})

interface Expected extends Partial<Request> {
  readonly state: State
  /** From the sending to the next step, in ms; a range where it counts from the answer. */
  readonly after?: number
}

type Row = [what: string, answer: Answer, expected: Expected]

const parkedFor = (reason: NonNullable<Request['reason']>): Expected => {
  return { state: 'parked', reason, after: 7 * DAY } as Expected
}

const ANSWERS: readonly Row[] = [
  [
    'an acknowledgement',
    ACKNOWLEDGED,
    { state: 'awaiting-callback', reason: null, operationId: 'operation-1', after: HOUR / 2 }
  ],
  [
    'an acknowledgement with a LifeSpan',
    { ...ACKNOWLEDGED, lifeSpan: 'PT2H' },
    { state: 'awaiting-callback', after: 2 * HOUR }
  ],
  [
    'an acknowledgement with a LifeSpan that nobody understands',
    { ...ACKNOWLEDGED, lifeSpan: 'mañana' },
    { state: 'awaiting-callback', after: HOUR / 2 }
  ],
  [
    'an ambiguous end',
    { type: 'ambiguous', detail: 'ECONNRESET' },
    { state: 'awaiting-callback', reason: 'ambiguous', after: HOUR / 2 }
  ],
  ['a result', envelope(ok()), { state: 'delivered', reason: null, completeness: 'complete' }],
  [
    'RETRY_IMMEDIATELY',
    envelope(error('RETRY_IMMEDIATELY')),
    { state: 'retry-scheduled', reason: 'retry-immediately', code: 'E201', after: 0 }
  ],
  [
    'RETRY_IMMEDIATELY of a refused log-on',
    envelope(error('RETRY_IMMEDIATELY', 'E101')),
    { state: 'retry-scheduled', reason: 'refused-logon', after: 0 }
  ],
  [
    'DO_NOT_RETRY',
    envelope(error('DO_NOT_RETRY', 'P001')),
    { state: 'failed', reason: 'do-not-retry', code: 'P001' }
  ],
  [
    'WAIT_4_HOURS_BEFORE_RETRY',
    envelope(error('WAIT_4_HOURS_BEFORE_RETRY')),
    { state: 'retry-scheduled', reason: 'wait-4-hours', after: 4 * HOUR }
  ],
  [
    'RETRY_AFTER_NOTIFICATION',
    envelope(error('RETRY_AFTER_NOTIFICATION')),
    parkedFor('retry-after-notification')
  ],
  ['an unknown Type', envelope(error('LATER')), parkedFor('unknown-type')],
  ['a missing Type', envelope(error(undefined)), parkedFor('unknown-type')],
  ['A000 without a Type', envelope(error(undefined, 'A000')), parkedFor('unauthorized')],
  ['HTTP 401', refused('unauthorized'), parkedFor('unauthorized')],
  ['HTTP 400', refused('rejected'), { state: 'failed', reason: 'rejected' }],
  [
    'HTTP 400 with an envelope',
    envelope(error(undefined, 'P001'), 400),
    { state: 'failed', reason: 'rejected' }
  ],
  ['HTTP 503', temporary(null), { state: 'retry-scheduled', reason: 'temporary', after: 2000 }],
  ['Retry-After', temporary(HOUR), { state: 'retry-scheduled', after: HOUR }],
  ['a Retry-After of days', temporary(9 * DAY), { state: 'retry-scheduled', after: 4 * HOUR }]
]

for (const [what, answer, { after, ...expected }] of ANSWERS) {
  t.test(`${what} leads to ${expected.state}`, async (t) => {
    const service = await openService(t)
    const requestId = await ask(service, { reference: 'r' })
    const { deps, answers } = openWorker(service, () => answer)
    const earliest = await service.catalog.now()
    await handleSend(deps, await jobOf(service, requestId))
    const latest = await service.catalog.now()
    const request = await find(service, requestId)
    t.match(request, { ...expected, attempts: [{ number: 1 }] })
    t.same(answers, [answer.type])
    const due = Number(request.dueAt)
    if (after === undefined) t.equal(request.dueAt, null)
    else t.ok(earliest + after <= due && due <= latest + after, 'at its instant, never earlier')
    const results = await resultsOf(service)
    t.equal(results.length, after === undefined ? 1 : 0, 'with a result where it has ended')
    const jobs = await service.queues.send.getJobs()
    const isSentAgain = jobs.some(({ data }) => data.at === due)
    t.equal(isSentAgain, request.state === 'retry-scheduled', 'with a job where it is sent again')
    const indexed = await service.redis.zscore(`${service.tag}:due`, requestId)
    t.equal(indexed, after === undefined ? null : String(due), 'and due where it has not ended')
  })
}

t.test('an immediate result is delivered as it came, with its bytes stored first', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const odd = { ...ok(), Unknown: { '': [1.5, null] } }
  const { deps } = openWorker(service, () => envelope(odd))
  const stored: unknown[] = []
  const receive: typeof service.ledger.receive = (...args) => {
    stored.push(args[1])
    return service.ledger.receive(...args)
  }
  await handleSend(
    { ...deps, ledger: { ...service.ledger, receive } },
    await jobOf(service, requestId)
  )
  t.match(stored, [{ attempt: 1, httpStatus: 200, outcome: { type: 'result' } }])
  t.match(await resultsOf(service), [{ id: requestId, name: 'delivered' }])
  t.same((await resultsOf(service))[0]?.data['response'], odd)
})

for (const state of STATES.filter((one) => one !== 'queued' && one !== 'retry-scheduled')) {
  t.test(`a request that is ${state} is not sent`, async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, state, { ago: HOUR / 10 })
    const { deps, sends } = openWorker(service)
    const { requestedAt } = await find(service, requestId)
    t.equal(await handleSend(deps, { requestId, at: requestedAt }), undefined)
    t.same(sends, [])
    const request = await find(service, requestId)
    t.equal(request.state, state === 'sending' ? 'awaiting-callback' : state)
    t.equal(request.attempts.length, ['cancelled'].includes(state) ? 0 : 1)
  })
}

t.test('a request found in sending awaits its callback, and is never sent again', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const job = await jobOf(service, requestId)
  const dying = openWorker(service, () => Promise.reject(new Error('killed')))
  await t.rejects(handleSend(dying.deps, job))
  t.equal((await find(service, requestId)).state, 'sending')
  const { deps, sends } = openWorker(service)
  for (const again of [1, 2, 3]) {
    await handleSend(deps, job)
    const request = await find(service, requestId)
    t.match(request, { state: 'awaiting-callback', reason: 'ambiguous' }, `found ${again} times`)
  }
  t.same(sends, [])
  const request = await find(service, requestId)
  t.match(request.history.at(-1), { event: 'ambiguous', attempt: 1, detail: 'process lost' })
  const now = await service.catalog.now()
  t.ok(Number(request.dueAt) <= now + deps.callbackTimeoutMs)
  await receive(service, requestId, ok())
  await advance(service, requestId, (one) => one)
  t.match(await resultsOf(service), [{ name: 'delivered' }], 'its capability stays valid')
})

t.test('what is given just before an attempt begins is what goes out', async (t) => {
  const service = await openService(t)
  const given = (jwt: string) => ({ ...INPUT, authorization: { jwt } })
  const requestId = await ask(service, { input: given('the.old.one') })
  const { deps, sends } = openWorker(service)
  const sealed = service.ledger.seal(requestId, given('the.new.one'))
  let isGiven = false
  const commit: Service['ledger']['commit'] = async (entry, changed) => {
    if (!isGiven) await advance(service, requestId, authorized, { sealed })
    isGiven = true
    return service.ledger.commit(entry, changed)
  }
  const authorized: Step = (request, { now }) =>
    authorize(request, { authorization: { expiresAt: null }, account: request.account }, 'ana', now)
  await handleSend(
    { ...deps, ledger: { ...service.ledger, commit } },
    await jobOf(service, requestId)
  )
  t.match(sends, [{ authorization: { jwt: 'the.new.one' } }])
  t.equal(sends.length, 1)
})

t.test('what can’t be opened, for want of a key, is not begun', async (t) => {
  const service = await openService(t, { secretKeys: [secretKey('k1')] })
  const requestId = await ask(service)
  const settings = { ...service.ledgerSettings, secretKeys: [secretKey('k2')] as const }
  const { deps, sends } = openWorker({ ...service, ...openLedger(service.redis, settings) })
  await t.rejects(handleSend(deps, await jobOf(service, requestId)), /which SECRET_KEYS lacks/)
  t.match(await find(service, requestId), { state: 'queued', attempts: [] })
  t.same(sends, [])
})

t.test('a notification between an answer and what follows from it is not missed', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { deps } = openWorker(service, () => refused('unauthorized'))
  const any = { service: null, code: null, reason: null, requestIds: null }
  const load: Service['ledger']['load'] = async (id, options) => {
    if ((await find(service, id)).state === 'sending') {
      await tick(service)
      await service.notifications.record(any)
    }
    return service.ledger.load(id, options)
  }
  await handleSend(
    { ...deps, ledger: { ...service.ledger, load } },
    await jobOf(service, requestId)
  )
  t.match(await find(service, requestId), { state: 'retry-scheduled', reason: 'unauthorized' })
})

t.test('a result that breaks the schema is kept, for it may have been paid for', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const content = { ...ok(), Data: 'text' }
  const { deps, sends } = openWorker(service, () => envelope(content))
  const job = await jobOf(service, requestId)
  await handleSend(deps, job)
  const expected = {
    state: 'awaiting-callback',
    reason: 'ambiguous',
    attempts: [{ keptAnswer: true }]
  }
  t.match(await find(service, requestId), expected)
  await handleSend(deps, job)
  t.equal(sends.length, 1, 'and nothing is sent before the deadline')
  const [kept, ...others] = await service.quarantine.list(null, 9)
  t.same(others, [])
  t.match(kept, { kind: 'schema', requestId, attempt: 1 })
  t.same(kept && (await service.quarantine.open(kept)), bytes(content))
})

for (const [what, body] of [
  ['a result', JSON.stringify(ok())],
  ['no JSON', 'not JSON'],
  ['an error with a key twice', '{"Status":"ERROR","Status":"ERROR","Error":{"Code":"E401"}}']
] as const) {
  t.test(`an immediate answer that is ${what} is encrypted where large bodies are`, async (t) => {
    const service = await openService(t)
    const requestId = await ask(service)
    const { seal, sealed } = noteSealed(service.seal)
    const answer = classify({ status: 200, body: Buffer.from(body) }, 0)
    const { deps } = openWorker({ ...service, seal }, () => answer)
    await handleSend(deps, await jobOf(service, requestId))
    t.ok(sealed.includes(body))
    const kept = await service.quarantine.list(null, 9)
    t.equal(sealed.length, (answer.type === 'envelope' ? 1 : 0) + kept.length)
  })
}

t.test('an answer without a body leaves nothing to keep', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const answer = classify({ status: 204, body: Buffer.alloc(0) }, 0)
  const { deps } = openWorker(service, () => answer)
  await handleSend(deps, await jobOf(service, requestId))
  const request = await find(service, requestId)
  t.match(request, { state: 'awaiting-callback', reason: 'ambiguous' })
  t.match(request.history.at(-1), { event: 'ambiguous', detail: 'HTTP 204' })
  t.notOk(request.attempts[0]?.keptAnswer)
  t.same(await service.quarantine.list(null, 9), [])
})

t.test(
  'an error that breaks the rules of JSON decides, and what came is kept as well',
  async (t) => {
    const service = await openService(t)
    const requestId = await ask(service)
    const text = JSON.stringify(error('DO_NOT_RETRY', 'E101'))
    const body = Buffer.from(text.replace('{', '{"LifeSpan":null,'))
    const { deps } = openWorker(service, () => classify({ status: 500, body }, 0))
    await handleSend(deps, await jobOf(service, requestId))
    t.match(await resultsOf(service), [
      {
        name: 'failed',
        data: { reason: 'do-not-retry', response: { Status: 'ERROR', Error: { Code: 'E101' } } }
      }
    ])
    const [kept] = await service.quarantine.list(null, 9)
    t.same(kept && (await service.quarantine.open(kept)), body)
  }
)

const DETAILS: readonly [event: string, answer: Answer, detail: string][] = [
  ['parked', classify({ status: 401, body: Buffer.from('"x"') }, 0), 'HTTP 401'],
  ['parked', classify({ status: 308, body: Buffer.alloc(0) }, 0), 'HTTP 308'],
  ['failed', classify({ status: 404, body: Buffer.from('<html>') }, 0), 'HTTP 404'],
  ['retry-scheduled', classify({ status: 503, body: Buffer.alloc(0) }, 0), 'HTTP 503'],
  [
    'retry-scheduled',
    { type: 'temporary', httpStatus: null, retryAfterMs: null, detail: 'ENOTFOUND' },
    'ENOTFOUND'
  ],
  ['ambiguous', { type: 'ambiguous', detail: 'ECONNRESET' }, 'ECONNRESET'],
  ['ambiguous', classify({ status: 202, body: Buffer.from('OK') }, 0), 'HTTP 202']
]
for (const [event, answer, detail] of DETAILS) {
  t.test(`a send that fails with ${detail} says so in the history and in the log`, async (t) => {
    const service = await openService(t)
    const requestId = await ask(service)
    const lines: object[] = []
    const { deps } = openWorker(service, () => answer)
    const info = (line: object, message: string) => void lines.push({ ...line, message })
    const log = Object.assign(Object.create(deps.log) as typeof deps.log, { info })
    await handleSend({ ...deps, log }, await jobOf(service, requestId))
    const { history } = await find(service, requestId)
    t.match(
      history.find((line) => line.event === event),
      { attempt: 1, detail }
    )
    t.match(lines, [{ message: 'request sent', answer: answer.type, detail }])
  })
}

t.test("Khipu's own word comes after a gateway's status, and counts", async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { deps } = openWorker(service, () => temporary(null))
  await handleSend(deps, await jobOf(service, requestId))
  t.match(await find(service, requestId), { state: 'retry-scheduled', reason: 'temporary' })
  await receive(service, requestId, error('DO_NOT_RETRY'))
  await advance(service, requestId, (request) => request)
  t.match(await resultsOf(service), [{ id: requestId, data: { reason: 'do-not-retry' } }])
})

t.test('of twenty handlers at once one sends', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { deps, sends } = openWorker(service)
  const job = await jobOf(service, requestId)
  await Promise.all(Array.from({ length: 20 }, () => handleSend(deps, job)))
  t.equal(sends.length, 1)
  t.equal((await find(service, requestId)).attempts.length, 1)
})

t.test('a job of a request that is not known does nothing', async (t) => {
  const service = await openService(t)
  const { deps, sends } = openWorker(service)
  t.equal(
    await handleSend(deps, { requestId: '01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f', at: 0 }),
    undefined
  )
  t.same(sends, [])
})

t.test('a job that wakes before its instant goes back to sleep until then', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'retry-scheduled')
  const { deps, sends } = openWorker(service)
  const job = await jobOf(service, requestId)
  const before = await service.catalog.now()
  const handled = await handleSend(deps, job)
  const after = await service.catalog.now()
  const sleepMs = handled?.sleepMs ?? 0
  t.ok(job.at - after <= sleepMs && sleepMs <= job.at - before)
  t.same(sends, [])
  t.equal(await handleSend(deps, { ...job, at: job.at + 1 }), undefined, 'another’s job just ends')
})

t.test('a retry that is due is the next attempt, on a capability of its own', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'retry-scheduled', { ago: 5 * HOUR })
  const { deps, sends } = openWorker(service)
  await handleSend(deps, await jobOf(service, requestId))
  t.equal(sends.length, 1)
  const token = sends[0]?.callbackUrl.split('/').at(-1) ?? ''
  t.same(service.capabilities.verify(token), { requestId, attempt: 2 })
  t.match(await find(service, requestId), {
    attempts: [{ cause: 'wait-4-hours' }, { cause: null }]
  })
})

t.test('a retry that is not sent yet is dropped where a result comes', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'retry-scheduled', { ago: 5 * HOUR })
  const job = await jobOf(service, requestId)
  await receive(service, requestId, ok())
  const { deps, sends } = openWorker(service)
  await handleSend(deps, job)
  t.same(sends, [])
  t.match(await find(service, requestId), { state: 'delivered', publishedAt: null })
  t.same(await resultsOf(service), [], 'which the job of the callback publishes')
  await handleCallback(service, { requestId, at: 0 })
  t.match(await resultsOf(service), [{ id: requestId, name: 'delivered' }])
})

t.test('a retry that is due again in the same millisecond keeps its job', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'retry-scheduled', { ago: 5 * HOUR })
  const entry = await service.ledger.load(requestId)
  if (entry === null) throw new Error('it is not there')
  const { request: before, clock } = entry
  const job = await jobOf(service, requestId)
  const outcome = { before, applied: [], now: clock.now, entry }
  const again: Request = { ...before, reason: 'quarantined' }
  t.same(sleepIfEarly({ ...outcome, after: again }, job), { sleepMs: 1 })
  t.equal(sleepIfEarly({ ...outcome, after: before }, job), undefined, 'nothing has changed')
  const later: Request = { ...again, dueAt: job.at + 1 }
  t.equal(sleepIfEarly({ ...outcome, after: later }, job), undefined, 'it has another job')
  const parked: Request = { ...again, state: 'parked' }
  t.equal(sleepIfEarly({ ...outcome, after: parked }, job), undefined, 'it is not to be sent')
})

t.test('a request of more than 72 hours is not sent, and fails as expired', async (t) => {
  const service = await openService(t)
  const [old, young] = [
    await ask(service, { ago: 3 * DAY + 1 }),
    await ask(service, { ago: 2 * DAY })
  ]
  const { deps, sends } = openWorker(service)
  for (const id of [old, young]) await handleSend(deps, await jobOf(service, id))
  t.match(await find(service, old), { state: 'failed', reason: 'expired', attempts: [] })
  t.equal((await find(service, young)).state, 'awaiting-callback')
  t.equal(sends.length, 1)
  t.match(await resultsOf(service), [{ id: old, data: { reason: 'expired', response: null } }])
})

type Meanwhile = [
  what: string,
  meanwhile: (service: Service, requestId: string) => Promise<unknown>,
  answer: Answer,
  expected: { readonly name: 'delivered' | 'failed'; readonly kept: readonly string[] }
]

const cancelNow = (service: Service, requestId: string) =>
  advance(service, requestId, (request, { now }) => cancel(request, 'ana', now))
const callBack =
  (...envelopes: object[]) =>
  async (service: Service, requestId: string) => {
    for (const each of envelopes) await receive(service, requestId, each)
    return advance(service, requestId, (request) => request)
  }

const MEANWHILE: readonly Meanwhile[] = [
  ['a cancellation', cancelNow, ACKNOWLEDGED, { name: 'failed', kept: [] }],
  [
    'a cancellation, and then a result',
    cancelNow,
    envelope(ok()),
    { name: 'failed', kept: ['late'] }
  ],
  ['a cancellation, and then a failure', cancelNow, temporary(null), { name: 'failed', kept: [] }],
  ['a callback that beats the 202', callBack(ok()), ACKNOWLEDGED, { name: 'delivered', kept: [] }],
  [
    'a callback that beats a lost connection',
    callBack(ok()),
    { type: 'ambiguous', detail: 'ECONNRESET' },
    { name: 'delivered', kept: [] }
  ],
  [
    'a failing callback that beats the 202',
    callBack(error('DO_NOT_RETRY')),
    ACKNOWLEDGED,
    { name: 'failed', kept: [] }
  ],
  [
    'a callback of the same bytes as the answer',
    callBack(ok()),
    envelope(ok()),
    { name: 'delivered', kept: [] }
  ],
  [
    'a callback that differs from the answer',
    callBack(ok({ Data: { Other: 1 } })),
    envelope(ok()),
    { name: 'delivered', kept: ['conflict'] }
  ]
]

for (const [what, meanwhile, answer, { name, kept }] of MEANWHILE) {
  t.test(`${what}, while a request is being sent, ends it exactly once`, async (t) => {
    const service = await openService(t)
    const requestId = await ask(service)
    const { deps, sends } = openWorker(service, async () => {
      await meanwhile(service, requestId)
      return answer
    })
    await handleSend(deps, await jobOf(service, requestId))
    t.equal(sends.length, 1)
    const results = await resultsOf(service)
    t.equal(results.length, 1)
    t.match(results, [{ id: requestId, name }])
    const entries = await service.quarantine.list(null, 9)
    t.same(
      entries.map(({ kind }) => kind),
      kept
    )
    const { accepted, ended } = await service.catalog.totals()
    t.equal(accepted, 1)
    t.equal(
      Object.values(ended).reduce((sum, count) => sum + count),
      1
    )
  })
}

t.test('an answer that comes after the deadline does not undo what followed', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { deps } = openWorker(service, async () => {
    await change(service, requestId, (request, now) => ({ ...request, dueAt: now }))
    await advance(service, requestId, applyDeadline)
    return ACKNOWLEDGED
  })
  await handleSend(deps, await jobOf(service, requestId))
  const request = await find(service, requestId)
  t.match(request, { state: 'retry-scheduled', reason: 'no-callback' })
  t.equal(lastEvent(request), 'answer-superseded')
})

t.test('a log tells of each sending, without what was sent', async (t) => {
  const service = await openService(t)
  const input = {
    RequestData: { AccountNumber: '9988776655443322' },
    authorization: { jwt: 'canary' }
  }
  const requestId = await ask(service, { input })
  const { deps, sends } = openWorker(service)
  await handleSend(deps, await jobOf(service, requestId))
  t.match(
    service.lines.map((line) => JSON.parse(line) as object),
    [{ requestId, attempt: 1, answer: 'acknowledged', msg: 'request sent' }]
  )
  const token = sends[0]?.callbackUrl.split('.').at(-1) ?? ''
  t.ok(token.length > 60)
  t.notMatch(service.lines.join(''), new RegExp(`9988776655443322|canary|${token}`))
})

t.test('the job of an overtaken retry leaves a sending alone', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'retry-scheduled')
  const overtaken = await jobOf(service, requestId)
  await advance(service, requestId, (request, { now }) => retryNow(request, 'ana', now))
  const { deps } = openWorker(service, async () => {
    await handleSend(openWorker(service).deps, overtaken)
    t.equal((await find(service, requestId)).state, 'sending')
    return ACKNOWLEDGED
  })
  await handleSend(deps, await jobOf(service, requestId))
})

t.test('what the job of an overtaken retry has begun, the later job leaves alone', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'retry-scheduled')
  const overtaken = await jobOf(service, requestId)
  await advance(service, requestId, (request, { now }) => retryNow(request, 'ana', now))
  const later = await jobOf(service, requestId)
  const { deps, sends } = openWorker(service, async () => {
    await handleSend(openWorker(service).deps, later)
    t.equal((await find(service, requestId)).state, 'sending', 'its process still lives')
    await handleSend(openWorker(service).deps, overtaken)
    t.match(await find(service, requestId), { state: 'awaiting-callback', reason: 'ambiguous' })
    return ACKNOWLEDGED
  })
  await handleSend(deps, overtaken)
  t.equal(sends.length, 1)
})

t.test('nothing is sent while the callback could not be stored', async (t) => {
  const service = await openService(t)
  const { deps, sends } = openWorker(service)
  const requestId = await ask(service)
  const job = await jobOf(service, requestId)
  t.match(await handleSend({ ...deps, canStore: () => false }, job), { sleepMs: Number })
  t.equal(sends.length, 0)
  t.equal((await service.catalog.find(requestId))?.state, 'queued')
})

t.test('an answer that is kept, and not committed, is not paid for again', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const { deps } = openWorker(service, () => ({
    type: 'ambiguous',
    detail: 'HTTP 200',
    unreadable: { kind: 'not-json', faults: [], body: Buffer.from('no envelope') }
  }))
  const { commit } = service.ledger
  let commits = 0
  const ledger: typeof service.ledger = {
    ...service.ledger,
    commit: (...change) =>
      ++commits > 1 ? Promise.reject(new Error('crashed')) : commit(...change)
  }
  const job = await jobOf(service, requestId)
  await t.rejects(handleSend({ ...deps, ledger }, job), { message: 'crashed' })
  const { dueAt } = await find(service, requestId)
  await advance(deps, requestId, (request, context) =>
    applyDeadline(request, { ...context, now: dueAt ?? 0 })
  )
  t.match(await find(service, requestId), { state: 'parked', reason: 'quarantined' })
})
