import { Gauge, type Registry } from '@prometheus-io/client'
import { type Lookup, type Totals, unaccounted } from '../ledger/queries.ts'
import type { Quarantine, Usage } from '../ledger/quarantine/quarantine.ts'
import type { Backlog } from '../delivery/result-sink.ts'

/** The stored values that each scrape reads. Reading them rejects while Redis is away. */
export interface StoredSource {
  readonly catalog: Pick<Lookup, 'totals' | 'overdueMs'>
  readonly quarantine: Pick<Quarantine, 'usage'>
  /** The backlog of the result queue: its waiting and its failed jobs. */
  readonly backlog: () => Promise<Backlog>
}

type NewGauge = (name: string, help: string, labelNames?: string[]) => Gauge<string>

/**
 * The gauges whose values are stored in Redis, so all processes report the same. Some only ever rise, yet they are
 * gauges, because each is set to the stored value. `khipu_ledger_up` is 0 where Redis did not answer a scrape.
 */
export function storedGauges(registers: Registry[]) {
  const gauge: NewGauge = (name, help, labelNames = []) =>
    new Gauge({ name, help, labelNames, registers })
  const up = gauge('khipu_ledger_up', '1 where the ledger answered this scrape')
  const setTotals = requestGauges(gauge)
  const overdue = gauge(
    'khipu_oldest_overdue_seconds',
    'For how long the oldest of what is overdue has been so; look into it above a minute'
  )
  const setUsage = quarantineGauges(gauge)
  const setBacklog = resultQueueGauges(gauge)
  return {
    async read({ catalog, quarantine, backlog }: StoredSource): Promise<void> {
      try {
        setTotals(await catalog.totals())
        overdue.set((await catalog.overdueMs()) / 1000)
        setUsage(await quarantine.usage())
        setBacklog(await backlog())
        up.set(1)
      } catch {
        up.set(0)
      }
    }
  }
}

function requestGauges(gauge: NewGauge) {
  const accepted = gauge('khipu_requests_accepted', 'Requests accepted, ever: live + ended')
  const ended = gauge('khipu_requests_ended', 'Requests ended, ever', ['state'])
  const live = gauge('khipu_requests_live', 'Requests that have not ended', ['state'])
  const lost = gauge(
    'khipu_requests_unaccounted',
    'accepted - ended - live: anything but 0 means that a request was lost or made up'
  )
  const aside = gauge(
    'khipu_results_set_aside',
    'Results that took their process down three times and are left alone; look into it above 0'
  )
  return (totals: Totals): void => {
    accepted.set(totals.accepted)
    for (const [state, count] of Object.entries(totals.ended)) ended.set({ state }, count)
    for (const [state, count] of Object.entries(totals.live)) live.set({ state }, count)
    lost.set(unaccounted(totals))
    aside.set(totals.setAside)
  }
}

function quarantineGauges(gauge: NewGauge) {
  const entries = gauge('khipu_quarantine_entries', 'Bodies kept in quarantine')
  const bytes = gauge('khipu_quarantine_bytes', 'How large they are in all')
  const filled = gauge(
    'khipu_quarantine_filled_ratio',
    'How full the quarantine is, 0 to 1; look into it above 0.8: at 1 the oldest body gives way to a new one'
  )
  const evicted = gauge('khipu_quarantine_evicted', 'Bodies that gave way to newer ones, ever')
  return (usage: Usage): void => {
    entries.set(usage.entries)
    bytes.set(usage.bytes)
    filled.set(usage.filled)
    evicted.set(usage.evicted)
  }
}

function resultQueueGauges(gauge: NewGauge) {
  const jobs = gauge(
    'khipu_result_queue_jobs',
    'Results that no consumer has taken yet, and those that one has given up',
    ['state']
  )
  const oldest = gauge(
    'khipu_result_queue_oldest_seconds',
    'For how long the result that is next has waited for a consumer; 0 where none waits'
  )
  return ({ waiting, failed, oldestMs }: Backlog): void => {
    jobs.set({ state: 'waiting' }, waiting)
    jobs.set({ state: 'failed' }, failed)
    oldest.set(oldestMs / 1000)
  }
}
