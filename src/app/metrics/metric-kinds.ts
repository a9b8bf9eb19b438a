import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client'

/** Makes metrics whose HELP says how the values of several processes are put together. */
export type MetricKinds = ReturnType<typeof metricKinds>

/** The registries of a new metric. */
export function metricKinds(registers: Registry[]) {
  return {
    /** A value that every process reads from the same place. It has none before it was read: 0 would be a claim. */
    stock: <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) => {
      const gauge = new Gauge<Label>({
        name,
        help: `${help}. The same in every process: aggregate with max`,
        labelNames,
        registers
      })
      if (labelNames.length === 0) gauge.remove()
      return gauge
    },
    /** A value of this process. */
    own: <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
      new Gauge<Label>({ name, help: `${help}. Of this process`, labelNames, registers }),
    /** Events of this process. */
    flow: <Label extends string>(name: string, help: string, labelNames: Label[]) =>
      new Counter<Label>({ name, help: `${help}. ${COUNTED}`, labelNames, registers }),
    /** How long events of this process took, or how large they were. */
    spread: <Label extends string = never>(
      name: string,
      help: string,
      buckets: readonly number[],
      labelNames: Label[] = []
    ) =>
      new Histogram<Label>({
        name,
        help: `${help}. ${COUNTED}`,
        buckets: [...buckets],
        labelNames,
        registers
      })
  }
}

const COUNTED = 'Counted by the process that did it: aggregate with sum'
