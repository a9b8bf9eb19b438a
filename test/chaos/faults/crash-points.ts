import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from 'bullmq'
import pLimit from 'p-limit'
import { pino } from 'pino'
import { okScenario } from '../../../simulator/scenarios/data.ts'
import { scenarios } from '../../../simulator/scenarios.ts'
import type { Scenario } from '../../../simulator/scenario.ts'
import { readConfig } from '../../../src/config/read-config.ts'
import { callbackUrlLength } from '../../../src/crypto/callback-token.ts'
import { type RunningService, startService } from '../../../src/app/start.ts'
import type { QuarantineList, RequestView, Result } from '../../../src/schemas/generated.ts'
import { FAST } from '../../helpers/crowd.ts'
import { SAMPLE } from '../../helpers/sample-callback.ts'
import { type Answer, call, type Env, type Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import {
  accountOf,
  inState,
  otherPorts,
  resultJobs,
  startWorld,
  view,
  type World
} from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { statusOf } from './heard.ts'
import { scriptNames } from './redis-commands.ts'
import { openTrap, type Point, POST } from './trap.ts'

/** A way that a request can go. Each point of it is reached in a run of its own, by a process of its own. */
interface Flow {
  /** What the table says after "SIGKILL at every step of". */
  readonly name: string
  readonly scenario: string
  /** What is done before the trap is armed, on a service that lives. */
  prepare?(stage: Stage): Promise<unknown>
  /** What is done with the trap armed; every call is made again until it is answered. */
  during?(stage: Stage): Promise<unknown>
  /** Whether it dies before and after each step, though that mostly comes to the same. */
  readonly bothSides?: true
  /** The first step to die at: those before it are another flow's. */
  readonly from?: string
  /** Where the request ends, if not where its scenario says. */
  readonly ends?: { readonly state: RequestView['state']; readonly lateResults?: number }
}

const FLOWS: readonly Flow[] = [
  { name: 'a request that goes well', scenario: 'ok', during: ask, bothSides: true },
  {
    name: 'a callback with an error, and its retry',
    scenario: 'retry-immediately-once',
    during: ask,
    from: 'receive 1'
  },
  {
    name: 'a request that is answered 500 at first',
    scenario: '500-text',
    during: ask,
    from: 'POST 1'
  },
  {
    name: 'a request that is answered at once',
    scenario: 'immediate-result',
    during: ask,
    from: 'POST 1'
  },
  {
    name: 'silence until the deadline, and its retry',
    scenario: 'never-once',
    prepare: askAndAwait
  },
  {
    name: 'parking and release',
    scenario: 'retry-after-notification-once',
    during: ask,
    from: 'receive 1'
  },
  {
    name: 'a cancellation',
    scenario: 'never',
    prepare: askAndAwait,
    during: cancel,
    ends: { state: 'cancelled' }
  },
  {
    name: 'bodies that are kept, one of them accepted',
    scenario: 'do-not-retry',
    prepare: askUntilFailed,
    during: keepAndAccept,
    ends: { state: 'failed', lateResults: 1 }
  }
]

/** A fault per flow; the first of them has a short form. */
export const crashPointFaults: readonly Fault[] = FLOWS.map((flow, index) => ({
  name: `SIGKILL at every step of ${flow.name}`,
  ...(index === 0 ? {} : { isLong: true as const }),
  run: (run: Run) => runFlow(run, flow)
}))

/** So many points at once: they wait for BullMQ's locks to lapse more than they work. */
const AT_ONCE = 16
const POINTS_IN_SHORT = 6
/** To start is all work: many at once would keep each other from it. */
const starting = pLimit(2)
/** So many look at their requests that each may do so only now and then. */
const LOOK_MS = 100

/** What one flow runs in: a Redis and a pretend Khipu for all of its points. */
interface Theatre {
  readonly world: World
  readonly names: ReadonlyMap<string, string>
  readonly flow: Flow
  readonly scenario: Scenario
  /** Makes each process start in half the time. */
  readonly compileCache: string
  /** Another number each time. */
  number(): number
}

/** One point's own: a prefix, ports, an account, and the process that is to die. */
interface Stage {
  readonly world: World
  readonly scenario: Scenario
  readonly account: string
  /** Reaches whichever process listens on the stage's ports by now. */
  readonly service: Service
  readonly tag: string
  /** Empty until the request was accepted. */
  requestId: string
}

/** What came of one point. */
interface Seen {
  readonly figures: Figures
  /** Every step up to the one at which the process died. */
  readonly steps: readonly string[]
  readonly wasKilled: boolean
}

async function runFlow(run: Run, flow: Flow): Promise<Figures> {
  // Each process has one, that ends it with this one.
  setMaxListeners(100, process)
  const theatre = await openTheatre(run, flow)
  const first = await playPoint(run, theatre, theatre.number(), null)
  const seen = [first, ...(await playAll(run, theatre, first.steps))]
  const steps = new Set(seen.flatMap((one) => one.steps)).size
  const missed = seen.length - 1 - killsOf(seen)
  const acknowledged = theatre.world.khipu.callbacks.filter(
    (callback) => statusOf(callback) === 200
  ).length
  const remark = `${steps} steps, ${seen.length - 1} points`
  return {
    ...seen.map(({ figures }) => figures).reduce(sumOf),
    acknowledged,
    kills: killsOf(seen),
    remark: missed === 0 ? remark : `${remark}, ${missed} of them not met`
  }
}

/** Every point, until no run shows a step that none has shown before. */
async function playAll(run: Run, theatre: Theatre, steps: readonly string[]): Promise<Seen[]> {
  const { flow, number } = theatre
  const limit = pLimit(AT_ONCE)
  const playEach = async (points: readonly Point[]) => {
    const playing = points.map((point) => limit(playPoint, run, theatre, number(), point))
    // Where one fails, the others come to their end all the same before everything is taken down.
    await Promise.allSettled(playing)
    return Promise.all(playing)
  }
  const known = new Set(steps)
  const all: Seen[] = []
  const wanted = pointsOf(steps, flow)
  let points = run.isShort ? some(run, wanted) : wanted
  while (points.length > 0) {
    const seen = await playEach(points)
    all.push(...seen)
    const fresh = new Set(all.flatMap((one) => one.steps)).difference(known)
    for (const step of fresh) known.add(step)
    points = run.isShort ? [] : [...fresh].flatMap(sidesOf)
  }
  return all
}

/**
 * To die after a step, and before the next one, leave the same behind: no memory outlives a process. But a
 * POST has an answer, and what comes after it was done by one who knew it.
 */
function pointsOf(steps: readonly string[], { from, bothSides }: Flow): Point[] {
  const first = from === undefined ? 0 : steps.indexOf(from)
  if (first === -1) throw new Error(`no step ${from} in ${steps.join(', ')}`)
  const isPost = (step: string | undefined) => step?.startsWith(`${POST} `) === true
  return steps
    .map((step, index) => {
      const differs = index === first || isPost(step) || isPost(steps[index - 1])
      return bothSides === true || differs ? sidesOf(step) : [{ step, side: 'after' as const }]
    })
    .slice(first)
    .flat()
}

function sidesOf(step: string): Point[] {
  return [
    { step, side: 'before' },
    { step, side: 'after' }
  ]
}

function some({ chance }: Run, points: readonly Point[]): Point[] {
  const left = [...points]
  return Array.from({ length: POINTS_IN_SHORT }, () =>
    left.splice(chance.between(0, left.length - 1), 1)
  ).flat()
}

/** One life of one request, in which the service dies at the point, and a clean one takes over. */
async function playPoint(
  run: Run,
  theatre: Theatre,
  number: number,
  point: Point | null
): Promise<Seen> {
  const where = point === null ? 'undisturbed' : `${point.side} ${point.step}`
  const { world, names, flow, scenario } = theatre
  const prefix = `${world.env['QUEUE_PREFIX']}-${number}`
  const { trap, own, service } = await starting(async () => {
    // Not before it is its turn: a port is free only for a while.
    const trap = await openTrap({ redisUrl: world.redis.url, khipuUrl: world.khipu.url, names })
    run.teardown(() => trap.close())
    const own = await environmentOf(theatre, prefix)
    const trapped = { REDIS_URL: trap.redisUrl, KHIPU_BASE_URL: trap.khipuUrl }
    return { trap, own, service: await world.start({ ...own, ...trapped }) }
  })
  const results = new Queue<Result>('khipu-results', {
    prefix,
    connection: { url: world.redis.url, maxRetriesPerRequest: null }
  })
  results.on('error', () => {})
  const account = accountOf(scenario.prefix, number)
  const tag = `{${prefix}:0}`
  const stage = { world: { ...world, results }, scenario, account, service, tag, requestId: '' }
  let healer: RunningService | null = null
  try {
    await flow.prepare?.(stage)
    trap.arm(point)
    const playing = play(flow, stage)
    const isSprung = await Promise.race([trap.sprung.then(() => true), playing.then(() => false)])
    // What comes after the end is no step of the flow, but for one that is under way.
    const wasKilled = isSprung || (await trap.disarm())
    if (wasKilled) {
      await service.kill()
      healer = await heal(own)
      await service.ready()
    }
    await playing
    return { figures: await figuresOf(flow, stage), steps: [...trap.steps], wasKilled }
  } catch (error) {
    const steps = trap.steps.join(', ')
    throw new Error(`${where}: ${String(error)}, after ${steps}`, { cause: error })
  } finally {
    trap.close()
    await service.kill()
    await healer?.close(0)
    await results.close()
  }
}

async function environmentOf({ world, compileCache }: Theatre, prefix: string): Promise<Env> {
  const ports = await otherPorts()
  return {
    ...world.env,
    ...ports,
    PUBLIC_URL: `http://127.0.0.1:${ports['PUBLIC_PORT']}`,
    QUEUE_PREFIX: prefix,
    NODE_COMPILE_CACHE: compileCache
  }
}

/** A service without a trap, in this process: it starts in no time, and is killed by nobody. */
function heal(env: Env): Promise<RunningService> {
  return startService(readConfig(callbackUrlLength, env), pino({ level: 'silent' }))
}

/** Resolves once the request has ended, its results are there, and no job is left that could do harm. */
async function play(flow: Flow, stage: Stage): Promise<void> {
  await flow.during?.(stage)
  await until('the request has ended', () => hasEnded(stage))
  const results = 1 + (flow.ends?.lateResults ?? 0)
  await until(
    'its results are there',
    async () => (await resultJobs(stage.world)).length >= results
  )
  await until('nothing is left to do', () => isQuiet(stage))
}

async function hasEnded({ service, requestId }: Stage): Promise<boolean> {
  await pause(LOOK_MS)
  const { state } = (await view(service, requestId).catch(() => null)) ?? {}
  if (state === 'parked')
    await service.api('POST', '/v1/notifications', { all: true }).catch(() => null)
  return state === 'delivered' || state === 'failed' || state === 'cancelled'
}

// A job of the dead process is handed on once its lock has lapsed, and has to find nothing to do.
async function isQuiet({ world: { client }, tag }: Stage): Promise<boolean> {
  await pause(LOOK_MS)
  const sizes = await Promise.all([
    ...['due', 'received', 'operating'].map((name) => client.zcard(`${tag}:${name}`)),
    ...['send', 'paced', 'callback', 'deadline'].flatMap((queue) =>
      ['wait', 'active'].map((list) => client.llen(`${tag}:${queue}:${list}`))
    )
  ])
  return sizes.every((size) => size === 0)
}

async function figuresOf(flow: Flow, { world, scenario, account, service, requestId }: Stage) {
  const seen = await view(service, requestId)
  const { state } = flow.ends ?? scenario.afterRelease ?? scenario.ends
  const ended = seen.history.filter(({ event }) => event === state).length
  if (seen.state !== state || ended !== 1) {
    throw new Error(`it was to be ${state} once: ${JSON.stringify(seen)}`)
  }
  const figures = await count(world, service, [{ scenario, account, requestId }], { kills: 0 })
  return { ...figures, doubled: figures.doubled - (flow.ends?.lateResults ?? 0) }
}

/** Makes a call again until it is answered with one of the statuses. */
function insist<Body>(
  what: string,
  statuses: readonly number[],
  ask: () => Promise<Answer<Body>>
): Promise<Answer<Body>> {
  return until(what, async () => {
    const answer = await ask().catch(() => null)
    return answer !== null && statuses.includes(answer.status) ? answer : null
  })
}

async function ask(stage: Stage): Promise<void> {
  const { account, service } = stage
  const body = { RequestData: { AccountNumber: account }, reference: account }
  const headers = { 'idempotency-key': account }
  const { requestId } = (
    await insist('the request is accepted', [202], () =>
      service.api<{ requestId: string }>('POST', '/v1/requests', body, headers)
    )
  ).body
  stage.requestId = requestId
}

async function askAndAwait(stage: Stage): Promise<void> {
  await ask(stage)
  await inState(stage.service, stage.requestId, 'awaiting-callback')
}

async function askUntilFailed(stage: Stage): Promise<void> {
  await ask(stage)
  await inState(stage.service, stage.requestId, 'failed')
  await until('nothing is left to do', () => isQuiet(stage))
}

async function cancel({ service, requestId }: Stage): Promise<void> {
  const path = `/v1/requests/${requestId}/cancel`
  // A cancellation whose answer was lost is refused when it comes again.
  await insist('it is cancelled', [200, 409], () => service.api('POST', path))
}

async function keepAndAccept({ world, service, account }: Stage): Promise<void> {
  const url = world.khipu.calls.find((one) => one.account === account)?.callbackUrl ?? ''
  const post = (body: string) => call(url, { method: 'POST', body })
  await insist('a broken body is kept', [400], () => post('{"Status":'))
  await insist('a good body is kept', [200], () => post(SAMPLE))
  const late = await until('it is in quarantine', async () => {
    const listed = await service.api<QuarantineList>('GET', '/v1/quarantine').catch(() => null)
    return listed?.status === 200 && listed.body.items.find(({ kind }) => kind === 'late')
  })
  const path = `/v1/quarantine/${late.quarantineId}/accept`
  await insist('it is accepted', [200, 404], () => service.api('POST', path))
}

async function openTheatre(run: Run, flow: Flow): Promise<Theatre> {
  const compileCache = await mkdtemp(join(tmpdir(), 'khipu-compiled-'))
  run.teardown(() => rm(compileCache, { recursive: true, force: true, maxRetries: 5 }))
  const env = { ...FAST.env, SWEEP_INTERVAL: '1s' }
  const world = await startWorld(run, { ...FAST, env, ownRedis: true })
  const scenario = scenarios.find(({ name }) => name === flow.scenario) ?? okScenario
  const names = await scriptNames(world.redis.url)
  let last = 0
  return { world, names, flow, scenario, compileCache, number: () => (last += 1) }
}

function killsOf(seen: readonly Seen[]): number {
  return seen.filter(({ wasKilled }) => wasKilled).length
}

function sumOf(one: Figures, other: Figures): Figures {
  return {
    requests: one.requests + other.requests,
    acknowledged: one.acknowledged + other.acknowledged,
    kills: one.kills + other.kills,
    results: one.results + other.results,
    lost: one.lost + other.lost,
    doubled: one.doubled + other.doubled,
    stuck: one.stuck + other.stuck,
    extraSends: one.extraSends + other.extraSends
  }
}
