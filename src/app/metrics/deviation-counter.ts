import { type Deviation, fieldOf } from '../../schemas/deviations.ts'
import type { MetricKinds } from './metric-kinds.ts'

/** Counts the deviations of each result that this process publishes. */
export function deviationCounter(kinds: MetricKinds): (deviations: readonly Deviation[]) => void {
  const counter = kinds.flow(
    'khipu_deviations_total',
    'Places in published results that differ from schemas/khipu-transaction.json; at most 20 of a result',
    ['field', 'rule']
  )
  return (deviations) => {
    for (const deviation of deviations) {
      counter.inc({ field: fieldOf(deviation), rule: deviation.rule })
    }
  }
}
