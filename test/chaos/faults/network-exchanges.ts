import pLimit from 'p-limit'
import type { SentCallback } from '../../../simulator/history.ts'
import { scenarioOf } from '../../../simulator/scenarios.ts'
import { askUntilAccepted, FAST, type Member } from '../../helpers/crowd.ts'
import type { Service } from '../../helpers/service-process.ts'
import { startWorker } from '../../helpers/start-worker.ts'
import { until } from '../../helpers/until.ts'
import {
  accountOf,
  atRest,
  startWorld,
  type World,
  type WorldSettings
} from '../../helpers/world.ts'
import { must } from './moves.ts'
import { count } from './count.ts'
import { askedIn } from './door.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { type Answers, CALLBACK_WAYS, POST_WAYS, type Sent, type Way } from './network-ways.ts'
import { type Fate, startProxy } from './proxy.ts'

/** Each way of harming an exchange with Khipu, either way, and of not hearing from Redis that a callback is stored. */
export const exchangeFaults: readonly Fault[] = [
  { name: 'network: POSTs to Khipu, each way of harming one', run: harmPosts },
  { name: 'network: callbacks, each way of harming one', run: harmCallbacks },
  { name: "network: Redis's reply cut once a callback is stored", run: cutReplies }
]

const WORLD: WorldSettings = {
  ...FAST,
  khipu: { ...FAST.khipu, callbackDelayMs: 300, callbackTimeoutMs: 1500 },
  env: { CALLBACK_TIMEOUT: '3s', KHIPU_REQUEST_TIMEOUT: '2s', SWEEP_INTERVAL: '2s' },
  ownRedis: true
}
const ROUNDS = 20
const ROUNDS_SHORT = 2

async function harmPosts(run: Run): Promise<Figures> {
  const world = await startWorld(run, WORLD)
  const accountIn = (seen: string) => askedIn(seen)?.account ?? null
  const harming = await harmFirst(run, world.khipu.url, POST_WAYS, accountIn)
  const service = await world.start({ KHIPU_BASE_URL: harming.url })
  const members = await askForSome(
    service,
    POST_WAYS.length * (run.isShort ? ROUNDS_SHORT : ROUNDS)
  )
  for (const { account, requestId } of members) {
    const seen = await atRest(service, requestId)
    const way = harming.ways.get(account)
    const sent: Sent = {
      calls: world.khipu.calls.filter((call) => call.account === account).length,
      attempts: seen.attempts,
      isAmbiguous: seen.history.some(({ event }) => event === 'ambiguous')
    }
    must(way !== undefined && way.expected(sent), `${way?.name}: as expected`, { sent, seen })
  }
  return count(world, service, members, { kills: harming.harms })
}

async function harmCallbacks(run: Run): Promise<Figures> {
  const world = await startWorld(run, WORLD)
  const pathIn = (seen: string) => /^POST (?<path>\S+)/.exec(seen)?.groups?.['path'] ?? null
  const harming = await harmFirst(run, world.env['PUBLIC_URL'] ?? '', CALLBACK_WAYS, pathIn)
  const service = await world.start({ PUBLIC_URL: harming.url })
  const rounds = CALLBACK_WAYS.length * (run.isShort ? ROUNDS_SHORT : ROUNDS)
  const members = await askForSome(service, rounds)
  for (const { account, requestId } of members) {
    const seen = await atRest(service, requestId)
    const answers = await answersTo(world, account)
    const { url = '' } = world.khipu.callbacks.find((one) => one.account === account) ?? {}
    const way = harming.ways.get(new URL(url).pathname)
    must(way !== undefined && way.expected(answers), `${way?.name}: as expected`, answers)
    must(seen.state === 'delivered' && seen.attempts === 1, 'it was taken once', seen)
  }
  return count(world, service, members, { kills: harming.harms })
}

async function cutReplies(run: Run): Promise<Figures> {
  const env = { ...WORLD.env, CALLBACK_TIMEOUT: '60s' }
  const world = await startWorld(run, { ...WORLD, env })
  const cut = new Set<string>()
  const proxy = await startProxy(world.redis.url, () => {
    let isStoring = false
    return {
      hold(chunk, { direction }) {
        const id = /\b\d+\.[0-9a-f]{64}\b/.exec(chunk.toString('latin1'))?.[0]
        isStoring ||= direction === 'up' && id !== undefined && !cut.has(id)
        if (direction === 'up' && id !== undefined) cut.add(id)
        return undefined
      },
      get down() {
        return isStoring ? ({ after: 0, how: 'reset' } as const) : undefined
      }
    }
  })
  run.teardown(() => proxy.close())
  const redisUrl = `redis://127.0.0.1:${proxy.port}`
  const service = await world.start({ ROLE: 'server', REDIS_URL: redisUrl })
  await startWorker(world)
  const members = await askForSome(service, run.isShort ? 10 : 100)
  let postponed = 0
  for (const { account, requestId } of members) {
    const seen = await atRest(service, requestId)
    const answers = await answersTo(world, account)
    must(seen.state === 'delivered' && seen.attempts === 1, 'it was taken once', seen)
    must(ENDS_WELL.test(answers.join()), 'the repeat is known, or taken', answers)
    if (answers.length > 1) postponed += 1
  }
  const figures = await count(world, service, members, { kills: proxy.harms })
  must(figures.kills > 0, 'replies were cut', figures)
  return { ...figures, remark: `${postponed} callbacks heard 503 first` }
}

// Answered 503, or known to the client of Redis as it asked again.
const ENDS_WELL = /^(?:503,|null,)*(?:accepted|duplicate)$/

/** What was harmed, and how. */
interface Harming<What> {
  readonly url: string
  /** Each first exchange by its key. */
  readonly ways: ReadonlyMap<string, Way<What>>
  readonly harms: number
}

/** A proxy that harms the first exchange of each key, in one way after the other, and no further one. */
async function harmFirst<What>(
  run: Run,
  target: string,
  all: readonly Way<What>[],
  keyIn: (seen: string) => string | null
): Promise<Harming<What>> {
  const ways = new Map<string, Way<What>>()
  const proxy = await startProxy(target, () => {
    let fate: Fate | undefined
    return {
      hold(chunk, passing) {
        // By its first bytes: an exchange comes in one piece here, or at least its head does.
        fate ??= fateBy(chunk.toString('latin1'))
        return fate.hold?.(chunk, passing)
      },
      get up() {
        return fate?.up
      },
      get down() {
        return fate?.down
      }
    }
  })
  run.teardown(() => proxy.close())
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    ways,
    get harms() {
      return proxy.harms
    }
  }

  function fateBy(seen: string): Fate {
    const key = keyIn(seen)
    const way = all[ways.size % all.length]
    if (key === null || way === undefined || ways.has(key)) return {}
    ways.set(key, way)
    return way.fate()
  }
}

async function askForSome(service: Service, many: number): Promise<readonly Member[]> {
  const scenario = scenarioOf('1001')
  const accounts = Array.from({ length: many }, (_, number) => accountOf(scenario.prefix, number))
  const limit = pLimit(10)
  return Promise.all(
    accounts.map(async (account) => ({
      scenario,
      account,
      requestId: await limit(askUntilAccepted, service, account)
    }))
  )
}

/** How the callbacks for an account were answered, once all were. */
function answersTo({ khipu }: World, account: string): Promise<Answers> {
  return until('every callback was answered', () => {
    const sent = khipu.callbacks.filter((one) => one.account === account)
    return isTaken(sent.at(-1)) ? sent.map(saidTo) : null
  })
}

function isTaken(sent: SentCallback | undefined): boolean {
  return sent !== undefined && /^(?:accepted|duplicate|late)$/.test(saidTo(sent) ?? '')
}

function saidTo({ answer }: SentCallback): string | null {
  if (answer === null || 'error' in answer) return null
  const isOk = answer.status === 200
  return isOk ? (JSON.parse(answer.body) as { status: string }).status : String(answer.status)
}
