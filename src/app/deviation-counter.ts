import { Counter, type Registry } from '@prometheus-io/client'
import { type Deviation, fieldOf } from '../schemas/deviations.ts'

/** Counts the deviations of each result that this process publishes. */
export function deviationCounter(
  registers: Registry[]
): (deviations: readonly Deviation[]) => void {
  const counter = new Counter({
    name: 'khipu_deviations_total',
    help: 'Places in published results that differ from schemas/khipu-transaction.json; at most 20 of a result',
    labelNames: ['field', 'rule'],
    registers
  })
  return (deviations) => {
    for (const deviation of deviations) {
      counter.inc({ field: fieldOf(deviation), rule: deviation.rule })
    }
  }
}
