import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Answer } from '../../src/core/answer.ts'
import { progressDueAt } from '../../src/core/required-jobs.ts'
import { cancel, retryNow } from '../../src/core/transitions/on-operator.ts'
import { BUILT_IN_POLICY } from '../../src/core/policy.ts'
import { isOpen, type Request, type State } from '../../src/core/request.ts'
import type { KhipuRequest } from '../../src/khipu/client.ts'
import { quarantineId } from '../../src/crypto/callback-id.ts'
import { connectWaiting } from '../../src/redis/connect.ts'
import { noteOperator } from '../../src/operator/accept-quarantined.ts'
import { createOperatorAdvance } from '../../src/operator/operator-advance.ts'
import { OperatorError, PROBLEMS } from '../../src/operator/problem.ts'
import { bytes, callbackOf, error, ok, receive, resultsOf } from '../helpers/callbacks.ts'
import { openAdmin, openPublic } from '../helpers/listeners.ts'
import { type Death, openMortal } from '../helpers/mortal.ts'
import { takeTime } from '../helpers/patience.ts'
import { addressOf } from '../helpers/redis-address.ts'
import { ACKNOWLEDGED, ask, askIn } from '../helpers/requests.ts'
import { DAY, HOUR, openService, type Service } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'
import { type Answering, jobOf, openWorker } from '../helpers/worker.ts'
import { call } from '../helpers/wire.ts'
import {
  acceptQuarantined,
  handleCallback,
  handleDeadline,
  handleSend,
  releaseByOperator,
  startWorker,
  sweep
} from '../helpers/handlers.ts'

takeTime(t)

// Every handler dies before and after each of its Redis commands, on a request of its own each time. All
// that they leave behind is then healed at once, by the same handlers, the sweep, and whoever calls again.

/** What handles: the mortal one, and the one that comes after it. */
interface Actor {
  readonly service: Service
  readonly deps: ReturnType<typeof openWorker>['deps']
  readonly address: { readonly admin: string; readonly public: string }
}

interface Handler {
  readonly name: string
  /** Makes a request that the handler has something to do for. */
  arrange(service: Service): Promise<string>
  /** Does it. A caller who got no answer does it again; whatever says that it was done will do. */
  act(actor: Actor, requestId: string, signal?: AbortSignal): Promise<unknown>
  /** Nobody does it again: the sweep alone heals. */
  readonly sweptToo?: true
  /** What Khipu answers; with an acknowledgement it calls back, until it is taken. */
  readonly answer?: Answer
  readonly ends: State
  /** Another result is expected, of a body that an operator has let through. */
  readonly late?: true
}

const SOON_MS = 300
const AT_ONCE = { delaysMs: [0], jitter: { share: 0 }, maxRetries: 3, retryAfterMaxMs: 0 }
const WISHES = {
  callbackTimeoutMs: SOON_MS,
  policy: {
    ...BUILT_IN_POLICY,
    releasesPerSecond: 1000,
    maxAttempts: 100,
    retry: {
      ...BUILT_IN_POLICY.retry,
      'retry-immediately': AT_ONCE,
      temporary: AT_ONCE,
      'no-callback': { ...AT_ONCE, maxRetries: 50 }
    },
    parkedMaxMs: {
      ...BUILT_IN_POLICY.parkedMaxMs,
      quarantined: SOON_MS,
      'unreadable-answer': SOON_MS
    }
  }
}

const GOOD = bytes(ok())
const ENVELOPE: Answer = {
  type: 'envelope',
  outcome: callbackOf(1, GOOD).outcome,
  httpStatus: 200,
  retryAfterMs: null,
  body: GOOD
}
const UNREADABLE: Answer = {
  type: 'ambiguous',
  detail: 'HTTP 200',
  unreadable: { kind: 'not-json', faults: [], body: Buffer.from('no envelope') }
}

const HANDLERS: readonly Handler[] = [
  { name: 'ask', arrange: async () => randomUUID(), act: askOverHttp, ends: 'delivered' },
  {
    name: 'callback intake',
    arrange: (service) => askIn(service, 'awaiting-callback'),
    act: (actor, requestId, signal) => callBack(actor, requestId, GOOD, signal),
    ends: 'delivered'
  },
  {
    name: 'callback intake that keeps what is no envelope',
    arrange: (service) => askIn(service, 'awaiting-callback'),
    act: (actor, requestId, signal) => callBack(actor, requestId, Buffer.from('{'), signal),
    // Parked for somebody to look at it, which nobody does.
    ends: 'failed'
  },
  {
    name: 'send, acknowledged',
    arrange: (service) => ask(service),
    act: sendJob,
    ends: 'delivered',
    sweptToo: true
  },
  {
    name: 'send, answered with the envelope',
    arrange: (service) => ask(service),
    act: sendJob,
    answer: ENVELOPE,
    ends: 'delivered',
    sweptToo: true
  },
  {
    name: 'send, answered with what is no envelope',
    arrange: (service) => ask(service),
    act: sendJob,
    answer: UNREADABLE,
    ends: 'failed',
    sweptToo: true
  },
  {
    name: 'callback with the result',
    arrange: (service) => received(service, ok()),
    act: ({ service }, requestId) => handleCallback(service, { requestId, at: 0 }),
    ends: 'delivered',
    sweptToo: true
  },
  {
    name: 'callback with an error that is retried',
    arrange: (service) => received(service, error('RETRY_IMMEDIATELY')),
    act: ({ service }, requestId) => handleCallback(service, { requestId, at: 0 }),
    ends: 'delivered',
    sweptToo: true
  },
  {
    name: 'callback with an error that ends it',
    arrange: (service) => received(service, error('DO_NOT_RETRY')),
    act: ({ service }, requestId) => handleCallback(service, { requestId, at: 0 }),
    ends: 'failed',
    sweptToo: true
  },
  {
    name: 'deadline',
    arrange: (service) => askIn(service, 'awaiting-callback', { ago: HOUR }),
    act: async ({ service }, requestId) => handleDeadline(service, await jobOf(service, requestId)),
    ends: 'delivered',
    sweptToo: true
  },
  {
    name: 'sweep',
    arrange: (service) => askIn(service, 'awaiting-callback', { ago: HOUR }),
    act: ({ service }, requestId) => sweepOne(service, requestId),
    ends: 'delivered'
  },
  {
    name: 'notification',
    arrange: (service) => askIn(service, 'parked'),
    act: ({ service }, requestId) => notify(service, requestId),
    ends: 'delivered'
  },
  {
    name: 'cancel',
    arrange: (service) => askIn(service, 'awaiting-callback'),
    act: ({ service }, requestId) =>
      createOperatorAdvance(service)(requestId, (request, { now }) => cancel(request, 'ana', now)),
    ends: 'cancelled'
  },
  {
    name: 'cancel, where a result is in hand',
    arrange: (service) => received(service, ok()),
    act: ({ service }, requestId) =>
      createOperatorAdvance(service)(requestId, (request, { now }) => cancel(request, 'ana', now)),
    ends: 'delivered',
    sweptToo: true
  },
  {
    name: 'retry',
    arrange: (service) => askIn(service, 'retry-scheduled'),
    act: ({ service }, requestId) =>
      createOperatorAdvance(service)(requestId, (request, { now }) =>
        retryNow(request, 'ana', now)
      ),
    ends: 'delivered'
  },
  {
    name: 'quarantine accept, of an open request',
    arrange: kept,
    act: ({ service }, requestId) => acceptKept(service, requestId),
    ends: 'delivered'
  },
  {
    name: 'quarantine accept, of one that had failed',
    arrange: (service) => keptLate(service),
    act: ({ service }, requestId) => acceptKept(service, requestId),
    ends: 'failed',
    late: true
  },
  {
    name: 'quarantine discard',
    arrange: (service) => keptLate(service),
    act: ({ service }, requestId) => discardKept(service, requestId),
    ends: 'failed'
  }
]

for (const handler of HANDLERS) {
  t.test(`${handler.name} may die at any of its commands`, { buffered: true }, async (t) => {
    const service = await openService(t, WISHES)
    const khipu = openKhipu(handler.answer ?? ACKNOWLEDGED)
    const mortal = await openMortal(t, service)
    const [doomed, heir] = [
      await openActor(t, mortal.service, khipu.answer),
      await openActor(t, service, khipu.answer)
    ]
    const requestIds: string[] = []
    const die = async (death: Death, isSwept: boolean) => {
      const requestId = await handler.arrange(service)
      const died = await mortal.live(death, (signal, jobs) =>
        handler.act(withJobs(doomed, jobs), requestId, signal)
      )
      if (died) await checkIndexes(t, service, requestId, death)
      const again = isSwept ? undefined : await handler.act(heir, requestId)
      requestIds.push(typeof again === 'string' ? again : requestId)
      return died
    }
    const commands = await exhaust(die, handler.sweptToo === true)
    t.ok(commands > 0, `${commands} commands`)
    await healAll(t, service, khipu, requestIds)
    await checkEnds(t, service, handler, requestIds)
    t.same(khipu.sent.length, new Set(khipu.sent).size, 'no attempt was sent twice')
  })
}

/** Dies at every command there is, on both sides of it; how many there were. */
async function exhaust(
  die: (death: Death, isSwept: boolean) => Promise<boolean>,
  sweptToo: boolean
): Promise<number> {
  for (let at = 1; ; at += 1) {
    const died: boolean[] = []
    for (const side of ['before', 'after'] as const) {
      died.push(await die({ at, side }, false))
      if (sweptToo) died.push(await die({ at, side }, true))
    }
    if (!died.includes(true)) return at - 1
  }
}

/** What is not done is found by its instant, and what was received is found as unread, whatever became of the jobs. */
async function checkIndexes(
  t: Test,
  { catalog, ledger, redis, tag }: Service,
  requestId: string,
  { at, side }: Death
): Promise<void> {
  const [request, entry] = [await catalog.find(requestId), await ledger.load(requestId)]
  if (request === null) return
  const due = await redis.zscore(`${tag}:due`, requestId)
  const unread = await redis.zscore(`${tag}:received`, requestId)
  const where = `${side} command ${at}`
  const dueAt = due === null ? null : Number(due)
  t.equal(dueAt, progressDueAt(request), `${where}, what is left to do is due`)
  t.equal(unread !== null, (entry?.pending.length ?? 0) > 0, `${where}, what is unread is known`)
}

/** Lets the workers and the sweep run until every request has ended; Khipu calls back until it is heard. */
async function healAll(
  t: Test,
  service: Service,
  khipu: PretendKhipu,
  requestIds: readonly string[]
): Promise<void> {
  const connection = connectWaiting(addressOf(service.url), service.log)
  const { deps } = openWorker(service, khipu.answer)
  const settings = { connection, concurrency: 8, sweepIntervalMs: DAY, requestTimeoutMs: SOON_MS }
  const worker = startWorker({ ...deps, ...settings })
  t.teardown(async () => {
    await worker.close()
    connection.disconnect()
  })
  const later = async () => (await service.catalog.now()) + 10_000
  await until('every request has ended', async () => {
    for (const token of khipu.toCallBack.splice(0)) await takeCallback(service, token)
    await sweep({ ...service, catalog: { ...service.catalog, now: later } })
    const found = await Promise.all(requestIds.map((id) => service.catalog.find(id)))
    return found.every((request) => request !== null && isDone(request))
  })
}

function isDone(request: Request): boolean {
  return !isOpen(request) && progressDueAt(request) === null
}

async function checkEnds(
  t: Test,
  service: Service,
  { ends, late }: Handler,
  requestIds: readonly string[]
): Promise<void> {
  const expected = requestIds.flatMap((id) => (late === true ? [id, `${id}-late`] : [id]))
  const results = (await resultsOf(service)).map(({ id }) => id)
  t.same(results.toSorted(), expected.toSorted(), 'one result each')
  for (const requestId of requestIds) {
    const request = await service.catalog.find(requestId)
    t.equal(request?.state, ends)
    const endings = request?.history.filter(({ event }) => event === ends)
    t.equal(endings?.length, 1, 'it ended once')
  }
  const { accepted, ended } = await service.catalog.totals()
  t.equal(accepted, requestIds.length)
  t.equal(ended[ends], requestIds.length)
  const { redis, tag } = service
  t.same([await redis.zcard(`${tag}:due`), await redis.zcard(`${tag}:received`)], [0, 0])
}

type PretendKhipu = ReturnType<typeof openKhipu>

/** Answers always the same; what it has acknowledged it will call back. */
function openKhipu(always: Answer) {
  const sent: string[] = []
  const toCallBack: string[] = []
  const answer: Answering = ({ callbackUrl }: KhipuRequest) => {
    const token = callbackUrl.slice(callbackUrl.lastIndexOf('/') + 1)
    sent.push(token)
    if (always.type === 'acknowledged') toCallBack.push(token)
    return always
  }
  return { sent, toCallBack, answer }
}

async function openActor(t: Test, service: Service, answer: Answering): Promise<Actor> {
  const { deps } = openWorker(service, answer)
  const [admin, open] = [await openAdmin(t, service), await openPublic(t, service)]
  const address = { admin: admin.address, public: open.address }
  return { service, deps: { ...deps, requestTimeoutMs: SOON_MS }, address }
}

function withJobs(actor: Actor, jobs: Service['jobs']): Actor {
  const { service, deps } = actor
  return { ...actor, service: { ...service, jobs }, deps: { ...deps, jobs } }
}

async function takeCallback(service: Service, token: string): Promise<void> {
  const { requestId, attempt } = service.capabilities.verify(token) ?? { requestId: '', attempt: 0 }
  await receive(service, requestId, ok(), attempt)
  await service.jobs.enqueueCallback(requestId, callbackOf(attempt, GOOD).id)
}

async function askOverHttp({ address }: Actor, key: string, signal?: AbortSignal) {
  const answer = await call(`${address.admin}/v1/requests`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer token-of-ana',
      'content-type': 'application/json',
      'idempotency-key': key
    },
    body: JSON.stringify({ RequestData: { AccountNumber: key.slice(-20) } }),
    signal: signal ?? null
  })
  if (answer.status !== 202) throw new Error(`answered ${answer.status}: ${answer.text}`)
  return (answer.json as { requestId: string }).requestId
}

async function callBack(
  { service, address }: Actor,
  requestId: string,
  body: Buffer,
  signal?: AbortSignal
): Promise<void> {
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  await call(`${address.public}/callbacks/${token}`, {
    method: 'POST',
    body: new Uint8Array(body),
    signal: signal ?? null
  })
}

async function sendJob({ service, deps }: Actor, requestId: string): Promise<void> {
  await handleSend(deps, await jobOf(service, requestId))
}

async function received(service: Service, envelope: object): Promise<string> {
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, envelope)
  return requestId
}

async function kept(service: Service): Promise<string> {
  const requestId = await askIn(service, 'awaiting-callback')
  await service.quarantine.keep({ requestId, attempt: 1 }, 'schema', [], GOOD)
  return requestId
}

async function keptLate(service: Service): Promise<string> {
  const requestId = await received(service, error('DO_NOT_RETRY', 'E401'))
  await handleCallback(service, { requestId, at: 0 })
  await receive(service, requestId, ok())
  await handleCallback(service, { requestId, at: 0 })
  return requestId
}

async function keptFor({ quarantine }: Service, requestId: string) {
  return quarantine.find(quarantineId(requestId, callbackOf(1, GOOD).id))
}

async function acceptKept(service: Service, requestId: string): Promise<void> {
  const found = await keptFor(service, requestId)
  if (found === null) return
  await acceptQuarantined(service, found, 'ana').catch((refusal: unknown) => {
    if (!(refusal instanceof OperatorError && PROBLEMS[refusal.code] === 409)) throw refusal
  })
}

async function discardKept(service: Service, requestId: string): Promise<void> {
  const found = await keptFor(service, requestId)
  if (found === null) return
  await service.quarantine.discard(found.quarantineId)
  await noteOperator(
    { advance: createOperatorAdvance(service) },
    found,
    'quarantine-discarded',
    'ana'
  )
}

async function notify(service: Service, requestId: string): Promise<void> {
  const all = { service: null, code: null, reason: null }
  const releasing = await service.notifications.record({ ...all, requestIds: [requestId] })
  await releaseByOperator(service, releasing)
}

/** Sweeps the one request: what other deaths have left behind is not its own. */
async function sweepOne(service: Service, requestId: string): Promise<void> {
  const { catalog } = service
  const overdue = async (before: number) =>
    (await catalog.overdue(before)).filter((id) => id === requestId)
  await sweep({ ...service, catalog: { ...catalog, overdue } })
}
