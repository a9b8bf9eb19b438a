import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { type Lookup, unaccounted } from '../ledger/catalog.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import type { Spool, SpoolUsage } from '../spool/spool.ts'

/** The metrics of one process. What is counted in the ledger is read at each scrape, for all processes. */
export interface Metrics {
  readonly callback: (status: string) => void
  readonly sent: (answer: string) => void
  /** A call of the operator API was refused. */
  readonly unauthorized: (why: string) => void
  /** A listener had as many connections as it may have, and dropped one. */
  readonly dropped: (listener: 'public' | 'operator') => void
  render(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** What is asked at each scrape; rejects while Redis is away. */
export interface MetricsSource {
  readonly version?: string
  readonly catalog: Pick<Lookup, 'totals' | 'overdueMs'>
  readonly quarantine: Pick<Quarantine, 'usage'>
  readonly spool?: Pick<Spool, 'usage'> | null
  /** How much of its maxmemory Redis uses, 0 to 1. */
  readonly filled?: () => number
}

export function createMetrics(source: MetricsSource): Metrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const counters = countersOf(registers)
  const ledger = ledgerGauges(registers)
  if (source.filled) roomGauge(registers, source.filled)
  if (source.spool) spoolGauges(registers, source.spool)
  if (source.version !== undefined) buildInfo(registers, source.version)
  return {
    ...counters,
    async render() {
      await ledger.read(source)
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

const SET_ASIDE =
  'Results that took their process down three times and are left alone; look into it above 0'

// They only ever rise, but their truth is in Redis: a gauge takes the value as it stands there.
function ledgerGauges(registers: Registry[]) {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers })
  const up = gauge('khipu_ledger_up', '1 where the ledger answered this scrape')
  const accepted = gauge('khipu_requests_accepted', 'Requests accepted, ever: live + ended')
  const ended = gauge('khipu_requests_ended', 'Requests ended, ever', ['state'])
  const live = gauge('khipu_requests_live', 'Requests that have not ended', ['state'])
  const lost = gauge(
    'khipu_requests_unaccounted',
    'accepted - ended - live: anything but 0 means that a request was lost or made up'
  )
  const aside = gauge('khipu_results_set_aside', SET_ASIDE)
  const overdue = gauge(
    'khipu_oldest_overdue_seconds',
    'For how long the oldest of what is overdue has been so; look into it above a minute'
  )
  const quarantined = gauge('khipu_quarantine_entries', 'Bodies kept in quarantine')
  const bytes = gauge('khipu_quarantine_bytes', 'How large they are in all')
  const filled = gauge(
    'khipu_quarantine_filled_ratio',
    'How full the quarantine is, 0 to 1; look into it above 0.8: at 1 the oldest body gives way to a new one'
  )
  const evicted = gauge('khipu_quarantine_evicted', 'Bodies that gave way to newer ones, ever')
  return {
    async read({ catalog, quarantine }: MetricsSource): Promise<void> {
      try {
        const totals = await catalog.totals()
        accepted.set(totals.accepted)
        for (const [state, count] of Object.entries(totals.ended)) ended.set({ state }, count)
        for (const [state, count] of Object.entries(totals.live)) live.set({ state }, count)
        lost.set(unaccounted(totals))
        aside.set(totals.setAside)
        overdue.set((await catalog.overdueMs()) / 1000)
        const usage = await quarantine.usage()
        quarantined.set(usage.entries)
        bytes.set(usage.bytes)
        filled.set(usage.filled)
        evicted.set(usage.evicted)
        up.set(1)
      } catch {
        up.set(0)
      }
    }
  }
}
