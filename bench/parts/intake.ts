import type { Plan, Size } from '../plan.ts'
import type { Generator } from '../load/run-generator.ts'
import type { Progress } from '../report/progress.ts'
import type { Results } from '../report/results.ts'
import { median } from '../report/statistics.ts'
import { type Candidate, LARGE, type Load, measure, type Measured } from '../site/measure.ts'
import type { Fsync, Store } from '../site/store.ts'
import { type Compared, intakeResults } from './intake-results.ts'

export interface IntakeDeps {
  readonly plan: Plan
  readonly store: Store
  readonly generator: Generator
  readonly progress: Progress
  /** The service first, then those that it is compared with. */
  readonly candidates: readonly Candidate[]
}

/** What a measurement takes besides its own seconds: filling the ledger and emptying Redis. */
const AROUND_SECONDS = 0.5
const RECEIVERS = 4

export function intakeSeconds({ fsync, sizes, inFlight, rounds, seconds }: Plan): number {
  const warmUp = RECEIVERS * (3 * seconds + AROUND_SECONDS)
  return warmUp + fsync.length * sizes.length * inFlight.length * stepSeconds(rounds, seconds)
}

function stepSeconds(rounds: number, seconds: number): number {
  return RECEIVERS * (rounds + 2) * (seconds + AROUND_SECONDS)
}

/** How fast callbacks are stored and answered, beside receivers that do less. */
export async function compareIntake(deps: IntakeDeps): Promise<Results> {
  const compared: Compared[] = []
  await warmUpAtFirst(deps)
  for (const fsync of deps.plan.fsync) {
    await deps.store.setFsync(fsync)
    for (const size of deps.plan.sizes) {
      for (const inFlight of deps.plan.inFlight) {
        compared.push(await compareLoad(deps, fsync, size, inFlight))
      }
    }
  }
  return intakeResults(compared)
}

async function compareLoad(
  deps: IntakeDeps,
  fsync: Fsync,
  size: Size,
  inFlight: number
): Promise<Compared> {
  const { plan, progress, candidates } = deps
  const { rounds, seconds } = plan
  progress.step(
    `intake: ${size.name}, ${inFlight} in flight, appendfsync ${fsync}`,
    stepSeconds(rounds, seconds)
  )
  const load: Load = { bytes: size.bytes, inFlight, seconds }
  const found = new Map<string, Measured[]>(candidates.map(({ name }) => [name, []]))
  const warm = await warmUp(deps, load, firstGuess(size, inFlight))
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one: the first of a round finds the machine as the last one left it.
    for (const candidate of rotated(candidates, round)) {
      const guess = Math.max(...rates(found, candidate.name), warm.get(candidate.name) ?? 0)
      found.get(candidate.name)?.push(await measure(deps, candidate, { ...load, guess }))
    }
  }
  const paced = new Map<string, Measured>()
  const storing = candidates.slice(0, 2)
  const slower = Math.min(...storing.map(({ name }) => median(rates(found, name))))
  for (const candidate of storing) {
    const perSecond = Math.max(1, slower / 2)
    paced.set(candidate.name, await measure(deps, candidate, { ...load, guess: slower, perSecond }))
  }
  return { fsync, size, inFlight, rounds: found, paced }
}

/** A large body warms nothing up that small ones leave cold, and takes long. */
const ENOUGH_LARGE = 5

async function warmUp(
  deps: IntakeDeps,
  { bytes, inFlight, seconds }: Load,
  guess: number
): Promise<ReadonlyMap<string, number>> {
  const isLarge = bytes >= LARGE
  const load = { bytes, inFlight: isLarge ? 1 : inFlight, seconds: isLarge ? seconds : seconds / 2 }
  const most = isLarge ? { most: ENOUGH_LARGE } : {}
  const warm = new Map<string, number>()
  for (const candidate of deps.candidates) {
    const { rate } = await measure(deps, candidate, { ...load, ...most, guess })
    warm.set(candidate.name, isLarge ? guess : rate)
  }
  return warm
}

/** Lets every receiver compile its code before anything counts. */
async function warmUpAtFirst(deps: IntakeDeps): Promise<void> {
  const seconds = 3 * deps.plan.seconds
  deps.progress.step('intake: warming up', RECEIVERS * (seconds + AROUND_SECONDS))
  for (const candidate of deps.candidates) {
    await measure(deps, candidate, { bytes: 1_000, inFlight: 20, seconds, guess: 3_000 })
  }
}

function rates(found: ReadonlyMap<string, readonly Measured[]>, name: string): number[] {
  return (found.get(name) ?? []).map(({ rate }) => rate)
}

function rotated<One>(all: readonly One[], by: number): One[] {
  return [...all.slice(by % all.length), ...all.slice(0, by % all.length)]
}

/** Before anything is known, a rate that fills the ledger for long enough. */
function firstGuess({ bytes }: Size, inFlight: number): number {
  if (bytes >= LARGE) return 100
  return inFlight === 1 ? 1_500 : 5_000
}
