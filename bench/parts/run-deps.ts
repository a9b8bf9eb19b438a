import type { Plan } from '../plan.ts'
import type { Progress } from '../report/progress.ts'

/** What every part gets. */
export interface RunDeps {
  readonly plan: Plan
  readonly progress: Progress
}
