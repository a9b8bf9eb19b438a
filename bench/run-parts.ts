import type { Options, PartName } from './options.ts'
import { type Plan, planOf } from './plan.ts'
import { footprintSeconds, measureFootprint } from './parts/footprint.ts'
import type { RunDeps } from './parts/run-deps.ts'
import { runIntake } from './parts/run-intake.ts'
import { runThrough } from './parts/run-through.ts'
import { intakeSeconds } from './parts/intake.ts'
import { storeSeconds } from './parts/store-limits.ts'
import { throughSeconds } from './parts/through.ts'
import { measureWaiting, waitingSeconds } from './parts/waiting.ts'
import { createProgress } from './report/progress.ts'
import { type Results, together } from './report/results.ts'
import { buildCompared } from './site/compared.ts'
import { buildTree, ROOT, say } from './site/processes.ts'

/** Builds what is measured and runs the parts, one after the other. */
export async function runParts(options: Options): Promise<Results> {
  const plan = planOf(options)
  const planned = options.parts.map((part) => SECONDS[part](plan))
  const progress = createProgress(planned.reduce((sum, one) => sum + one, 0))
  say('building the service')
  await buildTree(ROOT)
  await buildCompared()
  const all: Results[] = []
  for (const part of options.parts) all.push(await RUNS[part]({ plan, progress }))
  return together(all)
}

const SECONDS: Record<PartName, (plan: Plan) => number> = {
  intake: (plan) => intakeSeconds(plan) + storeSeconds,
  through: throughSeconds,
  waiting: ({ waiting }) => waitingSeconds(waiting),
  footprint: footprintSeconds
}

const RUNS: Record<PartName, (deps: RunDeps) => Promise<Results>> = {
  intake: runIntake,
  through: runThrough,
  waiting: measureWaiting,
  footprint: measureFootprint
}
