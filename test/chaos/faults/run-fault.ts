import { chanceOf } from '../../helpers/chance.ts'
import { broken, type Fault, type Figures, type Run } from './fault.ts'

/** How a fault went. */
export type Outcome =
  | {
      readonly type: 'held' | 'broken'
      readonly figures: Figures
      readonly faults: readonly string[]
    }
  | { readonly type: 'skipped' | 'failed'; readonly why: string }

/** Runs one fault and cleans up after it; never rejects. The same seed and name do the same harm again. */
export async function runFault(
  fault: Fault,
  { seed, isShort }: { readonly seed: number; readonly isShort: boolean }
): Promise<Outcome> {
  const hindrance = (await fault.hindrance?.()) ?? null
  if (hindrance !== null) return { type: 'skipped', why: hindrance }
  const tasks: (() => unknown)[] = []
  const run: Run = {
    chance: chanceOf(seed + sumOf(fault.name)),
    isShort,
    teardown: (task) => void tasks.push(task)
  }
  try {
    const figures = await fault.run(run)
    const faults = broken(fault, figures)
    return { type: faults.length === 0 ? 'held' : 'broken', figures, faults }
  } catch (error) {
    return {
      type: 'failed',
      why: error instanceof Error ? (error.stack ?? error.message) : 'unknown'
    }
  } finally {
    for (const task of tasks.toReversed()) await task()
  }
}

function sumOf(name: string): number {
  return Buffer.from(name).reduce((sum, byte) => sum + byte, 0)
}
