import type { Options } from './options.ts'
import type { Fsync } from './site/store.ts'

/** What is measured, and for how long. */
export interface Plan {
  readonly rounds: number
  /** Length of one measurement. */
  readonly seconds: number
  readonly fsync: readonly Fsync[]
  readonly sizes: readonly Size[]
  readonly inFlight: readonly number[]
  /** Requests of one round through the service and its worker. */
  readonly requests: number
  /** Stored callbacks, or jobs, of one round of a worker. */
  readonly drained: number
  /** How many requests wait in Redis while memory and times are read. */
  readonly waiting: readonly number[]
  readonly starts: number
  /** Whether the shapes of 10 MB bodies are all tried, or only two of them. */
  readonly allShapes: boolean
  /** Seconds of each of the sixty slices of a steady load; null without one. */
  readonly soakSlice: number | null
}

export interface Size {
  readonly name: string
  readonly bytes: number
}

const ONE_KB: Size = { name: '1 KB', bytes: 1_000 }
const THREE_MB: Size = { name: '3 MB', bytes: 3_000_000 }

/** About five minutes on two cores. */
const USUAL: Plan = {
  rounds: 3,
  seconds: 1,
  fsync: ['everysec', 'always'],
  sizes: [ONE_KB, THREE_MB],
  inFlight: [1, 50],
  requests: 400,
  drained: 1_000,
  waiting: [10_000],
  starts: 3,
  allShapes: false,
  soakSlice: null
}

/** Everything, with longer rounds. */
const FULL: Plan = {
  rounds: 5,
  seconds: 3,
  fsync: ['everysec', 'always'],
  sizes: [ONE_KB, { name: '16 KB', bytes: 16_000 }, { name: '256 KB', bytes: 256_000 }, THREE_MB],
  inFlight: [1, 20, 50],
  requests: 2_000,
  drained: 5_000,
  waiting: [10_000, 100_000],
  starts: 10,
  allShapes: true,
  soakSlice: null
}

const MILLION = 1_000_000
const SOAK_SLICE = 60

/** The plan for a command line. */
export function planOf({ full, million, soak, rounds, seconds }: Options): Plan {
  const plan = full ? FULL : USUAL
  return {
    ...plan,
    waiting: million ? [...plan.waiting, MILLION] : plan.waiting,
    soakSlice: soak ? (seconds ?? SOAK_SLICE) : null,
    rounds: rounds ?? plan.rounds,
    seconds: seconds ?? plan.seconds,
    starts: rounds ?? plan.starts
  }
}
