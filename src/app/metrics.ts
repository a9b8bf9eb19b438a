import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client'
import type { Deviation } from '../schemas/deviations.ts'
import type { Spool, SpoolUsage } from '../spool/spool.ts'
import { deviationCounter } from './deviation-counter.ts'
import { storedGauges, type StoredSource } from './stored-gauges.ts'

/** The metrics of one process. Values that the ledger counts for all processes are read at each scrape. */
export interface Metrics {
  readonly callback: (status: string) => void
  readonly sent: (answer: string) => void
  /** Counts the deviations from the expected schema in a published result. */
  readonly deviated: (deviations: readonly Deviation[]) => void
  /** Counts a refused call of the operator API. */
  readonly unauthorized: (why: string) => void
  /** Counts a connection that a listener dropped because it was at MAX_CONNECTIONS. */
  readonly dropped: (listener: 'public' | 'operator') => void
  render(): Promise<{ readonly contentType: string; readonly text: string }>
}

export interface MetricsSource extends StoredSource {
  readonly version?: string
  readonly spool?: Pick<Spool, 'usage'> | null
  /** The share of its maxmemory that Redis uses, 0 to 1. */
  readonly filled?: () => number
}

export function createMetrics(source: MetricsSource): Metrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const counters = countersOf(registers)
  const stored = storedGauges(registers)
  if (source.filled) roomGauge(registers, source.filled)
  if (source.spool) spoolGauges(registers, source.spool)
  if (source.version !== undefined) buildInfo(registers, source.version)
  return {
    ...counters,
    async render() {
      await stored.read(source)
      return { contentType: registry.contentType, text: await registry.metrics() }
    }
  }
}

function countersOf(registers: Registry[]): Omit<Metrics, 'render'> {
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers })
  const callbacks = counter(
    'khipu_callbacks_total',
    'Callbacks answered by this process, by what became of them',
    ['status']
  )
  const sends = counter(
    'khipu_sends_total',
    'POSTs to Khipu by this process, by the kind of its immediate answer; each one is billed',
    ['answer']
  )
  const unauthorized = counter(
    'khipu_operator_refusals_total',
    'Calls of the operator API without a good token, by what was wrong',
    ['reason']
  )
  const dropped = counter(
    'khipu_connections_dropped_total',
    'Connections beyond MAX_CONNECTIONS, closed unheard',
    ['listener']
  )
  return {
    callback: (status) => callbacks.inc({ status }),
    sent: (answer) => sends.inc({ answer }),
    deviated: deviationCounter(registers),
    unauthorized: (reason) => unauthorized.inc({ reason }),
    dropped: (listener) => dropped.inc({ listener })
  }
}

function buildInfo(registers: Registry[], version: string): void {
  const name = 'khipu_build_info'
  const help = 'Always 1; its label tells the version of the service'
  new Gauge({ name, help, labelNames: ['version'], registers }).set({ version }, 1)
}

function spoolGauges(registers: Registry[], { usage }: Pick<Spool, 'usage'>): void {
  const gauge = (name: string, help: string, read: (usage: SpoolUsage) => number) => {
    const collect = function (this: Gauge) {
      this.set(read(usage()))
    }
    return new Gauge({ name, help, registers, collect })
  }
  gauge(
    'khipu_spool_entries',
    'Callbacks that wait on the disk of this process until Redis can store them',
    ({ entries }) => entries
  )
  gauge('khipu_spool_bytes', 'How large they are in all, sealed', ({ bytes }) => bytes)
  gauge(
    'khipu_spool_oldest_seconds',
    'For how long the oldest of them has waited; 0 where none does, +Inf where the disk cannot be read',
    ({ waitedMs }) => (waitedMs ?? Infinity) / 1000
  )
}

function roomGauge(registers: Registry[], filled: () => number): void {
  const collect = function (this: Gauge) {
    this.set(filled())
  }
  const help = 'How much of its maxmemory Redis uses, 0 to 1; intake and sending stop above 0.75'
  new Gauge({ name: 'khipu_redis_filled_ratio', help, registers, collect })
}
