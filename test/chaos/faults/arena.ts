import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import type { RequestView } from '../../../src/schemas/generated.ts'
import { type Chance, chanceOf } from '../../helpers/chance.ts'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import {
  accountOf,
  otherPorts,
  resultJobs,
  startWorld,
  view,
  type World,
  type WorldSettings
} from '../../helpers/world.ts'
import { type Door, openDoor } from './door.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { startProxy } from './proxy.ts'

/** Where the rounds of a race are run: two processes that work, one Redis, and a Khipu that never calls back. */
export interface Arena {
  readonly world: World
  /** The one that listens. */
  readonly service: Service
  readonly door: Door
}

/** One round: one request for an account of its own. */
export interface Round extends Arena {
  readonly account: string
  /** The same course of numbers whatever other rounds do meanwhile. */
  readonly chance: Chance
}

/** What a round came to. */
export interface Seen {
  readonly requestId: string
  /** Who was first, as the remark tells it. */
  readonly winner: string
  /** The answers to the callbacks that were posted. */
  readonly answers: readonly Posted[]
  /** True where a good callback that was acknowledged is in no result and was not told `late`. */
  readonly isLost?: boolean
}

/** How a callback was answered. */
export interface Posted {
  readonly status: number
  /** `accepted`, `duplicate`, `late` … */
  readonly said: string
}

/** A race: what is run in every round, and who may win it. */
export interface Race {
  readonly name: string
  /** Each of them must have won a round of the full form, or it was no race. */
  readonly winners: readonly string[]
  readonly settings?: WorldSettings
  /**
   * How many ms Redis's answers take at the most to reach the workers, so that more can happen between two of
   * them; the one that listens is near to Redis, and does no work.
   */
  readonly redisTakesMs?: number
  /** Not part of the short form. */
  readonly isLong?: true
  play(round: Round): Promise<Seen>
}

/** Requests that no scenario of the pretend Khipu calls back for: the rounds do. */
const NEVER = '1205'
const ROUNDS = 300
const ROUNDS_SHORT = 24
/** More of them would be late for their moment. */
const AT_ONCE = 12

/** The fault that runs a race: many rounds side by side, each with its own request. */
export function race(race: Race): Fault {
  const { name, winners, settings = {}, redisTakesMs = 0, isLong, play } = race

  return { name: `race: ${name}`, ...(isLong && { isLong }), run }

  async function run(run: Run): Promise<Figures> {
    const { isShort, chance } = run
    const { env, ...more } = settings
    const world = await startWorld(run, {
      ...more,
      env: { CALLBACK_TIMEOUT: '60s', ...env },
      ownRedis: true
    })
    const door = await openDoor(world.khipu.url)
    run.teardown(() => door.close())
    const there = { KHIPU_BASE_URL: door.url }
    const far = { ...there, ROLE: 'worker', REDIS_URL: await farRedis(run, world, redisTakesMs) }
    const service = await world.start(redisTakesMs > 0 ? { ...there, ROLE: 'server' } : there)
    await world.start({ ...far, ...(await otherPorts()) })
    if (redisTakesMs > 0) await world.start({ ...far, ...(await otherPorts()) })
    const limit = pLimit(AT_ONCE)
    const rounds = Array.from({ length: isShort ? ROUNDS_SHORT : ROUNDS }, (_, number): Round => {
      const own = chanceOf(chance.between(0, 2 ** 31))
      return { world, service, door, chance: own, account: accountOf(NEVER, number) }
    })
    const seen = await all(rounds.map((round) => limit(play, round)))
    const wins = countWins(seen)
    const beaten = winners.filter((winner) => !wins.has(winner))
    if (!isShort && beaten.length > 0) throw new Error(`never won: ${beaten.join(', ')}`)
    return { ...(await figuresOf({ world, service, door }, rounds, seen)), remark: inWords(wins) }
  }
}

/** A Redis whose answers take some ms more. */
async function farRedis(run: Run, { redis }: World, mostMs: number): Promise<string> {
  if (mostMs === 0) return redis.url
  const chance = chanceOf(run.chance.seed)
  const proxy = await startProxy(redis.url, () => ({
    hold: (_chunk, { direction }) =>
      direction === 'down' ? pause(chance.between(0, mostMs)) : undefined
  }))
  run.teardown(() => proxy.close())
  return `redis://127.0.0.1:${proxy.port}`
}

// None of them is left running in a world that is being taken down.
async function all<T>(rounds: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(rounds)
  return Promise.all(rounds)
}

function countWins(seen: readonly Seen[]): ReadonlyMap<string, number> {
  const wins = new Map<string, number>()
  for (const { winner } of seen) wins.set(winner, (wins.get(winner) ?? 0) + 1)
  return wins
}

function inWords(wins: ReadonlyMap<string, number>): string {
  const sorted = [...wins].toSorted(([, a], [, b]) => b - a)
  return `first: ${sorted.map(([winner, count]) => `${winner} ${count}`).join(', ')}`
}

const ENDED: ReadonlySet<string> = new Set(['delivered', 'failed', 'cancelled'])

async function figuresOf(
  { world, service }: Arena,
  rounds: readonly Round[],
  seen: readonly Seen[]
): Promise<Figures> {
  const ids = new Set(seen.map(({ requestId }) => requestId))
  await until('the results are there', async () => (await resultJobs(world)).length >= ids.size)
    // Too few of them is a figure, not a reason to stop.
    .catch(() => {})
  const jobs = (await resultJobs(world)).map(({ id = '' }) => id)
  const views = await Promise.all(seen.map(({ requestId }) => view(service, requestId)))
  const answers = seen.flatMap((one) => one.answers)
  return {
    requests: seen.length,
    acknowledged: answers.filter(({ status }) => status === 200).length,
    kills: 0,
    results: jobs.length,
    lost: seen.filter(({ isLost, requestId }) => isLost === true || !jobs.includes(requestId))
      .length,
    doubled: jobs.filter((id) => !ids.has(id)).length + views.filter(endedTwice).length,
    stuck: views.filter(({ state }) => !ENDED.has(state)).length,
    extraSends: views.reduce(
      (sum, one, index) => sum + extraSends(world, one, rounds[index]?.account ?? ''),
      0
    )
  }
}

function endedTwice({ history }: RequestView): boolean {
  return history.filter(({ event }) => ENDED.has(event)).length > 1
}

// Each attempt is sent once, and none that the ledger doesn't know.
function extraSends({ khipu }: World, { attempts }: RequestView, account: string): number {
  const calls = khipu.calls.filter((one) => one.account === account)
  const twice = calls.length - new Set(calls.map(({ callbackUrl }) => callbackUrl)).size
  return twice + Math.max(0, calls.length - attempts)
}
