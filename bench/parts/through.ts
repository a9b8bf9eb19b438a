import type { Plan } from '../plan.ts'
import type { Generator } from '../load/run-generator.ts'
import type { Progress } from '../report/progress.ts'
import type { Results } from '../report/results.ts'
import type { Fsync, Store } from '../site/store.ts'
import type { Drain } from './drain.ts'
import { type Through, throughResults } from './through-results.ts'
import { latenciesAlone, type Rated, ratePerSecond } from './through-rounds.ts'
import { countClientCommands } from '../site/client-commands.ts'
import type { Site } from '../site/site.ts'

export interface ThroughDeps {
  readonly plan: Plan
  readonly store: Store
  readonly generator: Generator
  readonly progress: Progress
  readonly site: Site
  /** The service's way from a stored callback to its result, and the bare move of a job. */
  readonly drains: { readonly ours: Drain; readonly bare: Drain }
}

const ALONE = 50
const ROUND_SECONDS = 7

export function throughSeconds({ fsync, rounds }: Plan): number {
  return fsync.length * (rounds + 1) * ROUND_SECONDS
}

/** Requests from their POST to the result on the queue, and callbacks to results beside a bare move of jobs. */
export async function measureThrough(deps: ThroughDeps): Promise<Results> {
  const all: Through[] = []
  for (const fsync of deps.plan.fsync) {
    await deps.store.setFsync(fsync)
    all.push(await measureMode(deps, fsync))
  }
  return throughResults(all)
}

async function measureMode(deps: ThroughDeps, fsync: Fsync): Promise<Through> {
  const { plan, progress, store, drains } = deps
  const step = (what: string) =>
    progress.step(`through: ${what}, appendfsync ${fsync}`, ROUND_SECONDS)
  const requests = Math.ceil(plan.requests / 2)
  step('warming up')
  await ratePerSecond(deps, requests)
  const counts = await countClientCommands(store.client, async () => {
    await ratePerSecond(deps, requests)
  })
  const alone = await latenciesAlone(deps, ALONE)
  await drains.ours.run()
  await drains.bare.run()
  const [rounds, ours, bare]: [Rated[], number[], number[]] = [[], [], []]
  for (let round = 1; round <= plan.rounds; round++) {
    step(`round ${round} of ${plan.rounds}`)
    rounds.push(await ratePerSecond(deps, plan.requests))
    ours.push(await drains.ours.run())
    bare.push(await drains.bare.run())
  }
  const perRequest = {
    clientCommands: counts.client / requests,
    redisCommands: counts.all / requests
  }
  return { fsync, rounds, alone, ...perRequest, ours, bare }
}
