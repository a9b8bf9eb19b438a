import type { Flow } from '../../core/groups/series.ts'
import type { Store } from '../store.ts'

/** The unit in which entries of groups are counted. */
export type Step = '1m' | '1h'

export const STEP_MS: Readonly<Record<Step, number>> = { '1m': 60_000, '1h': 3_600_000 }
/** How long the counts of a unit are kept, in ms; `lua/include/flow.lua` has the same. */
export const KEPT_MS: Readonly<Record<Step, number>> = { '1m': 10_800_000, '1h': 3_024_000_000 }

/** How often requests entered each group, for each unit that begins from an instant on and before another. */
export async function readFlow(
  { redis, key }: Pick<Store, 'redis' | 'key'>,
  step: Step,
  from: number,
  to: number
): Promise<readonly Flow[]> {
  const ms = STEP_MS[step]
  const first = Math.ceil(from / ms)
  const units = Array.from(
    { length: Math.max(0, Math.ceil(to / ms) - first) },
    (_, at) => first + at
  )
  return Promise.all(
    units.map(async (unit) => {
      const fields = await redis.hgetall(key('flow', `${step.slice(1)}${unit}`))
      const entries = new Map(Object.entries(fields).map(([name, n]) => [name, Number(n)]))
      return { at: unit * ms, entries }
    })
  )
}

/** The flow of all parts of the ledger, which were asked for the same units. */
export function mergeFlows(all: readonly (readonly Flow[])[]): readonly Flow[] {
  const [first = [], ...others] = all
  return first.map(({ at, entries }, index) => {
    const sums = new Map(entries)
    for (const [name, count] of others.flatMap((flows) => [...(flows[index]?.entries ?? [])])) {
      sums.set(name, (sums.get(name) ?? 0) + count)
    }
    return { at, entries: sums }
  })
}
