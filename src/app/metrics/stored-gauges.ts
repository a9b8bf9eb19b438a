import type { Lookup } from '../../ledger/queries.ts'
import type { Backlog } from '../../delivery/result-sink.ts'
import type { Quarantine, Usage } from '../../ledger/quarantine/quarantine.ts'
import type { QueueCount, Queues } from '../../queue/queues.ts'
import { liveGauges } from './live-gauges.ts'
import type { MetricKinds } from './metric-kinds.ts'
import { totalGauges } from './total-gauges.ts'

/** The stored values that each scrape reads. Reading them rejects while Redis is away. */
export interface StoredSource {
  readonly catalog: Pick<Lookup, 'totals' | 'overdueMs' | 'sizes' | 'now'>
  readonly quarantine: Pick<Quarantine, 'usage'>
  /** The backlog of the result queue: its waiting and its failed jobs. */
  readonly backlog: () => Promise<Backlog>
  readonly queues: Pick<Queues, 'counts'>
}

/**
 * The gauges whose values are stored in Redis, so all processes report the same. Some only ever rise, yet they are
 * gauges, because each is set to the stored value. `khipu_ledger_up` is 0 where Redis did not answer a scrape.
 */
export function storedGauges(kinds: MetricKinds) {
  const up = kinds.own('khipu_ledger_up', '1 where the ledger answered this scrape')
  const setTotals = totalGauges(kinds)
  const setLive = liveGauges(kinds)
  const skew = kinds.own('khipu_clock_skew_seconds', 'Clock of this machine minus that of Redis')
  const setUsage = quarantineGauges(kinds)
  const setBacklog = resultQueueGauges(kinds)
  const setCounts = queueGauges(kinds)
  return {
    async read({ catalog, quarantine, backlog, queues }: StoredSource): Promise<void> {
      try {
        const [totals, overdueMs, sizes, clock, usage, results, counts] = await Promise.all([
          catalog.totals(),
          catalog.overdueMs(),
          catalog.sizes(null),
          readClock(catalog),
          quarantine.usage(),
          backlog(),
          queues.counts()
        ])
        setTotals(totals, overdueMs)
        setLive(totals.live, sizes, clock.now)
        skew.set(clock.skewMs / 1000)
        setUsage(usage)
        setBacklog(results)
        setCounts(counts)
        up.set(1)
      } catch {
        up.set(0)
      }
    }
  }
}

async function readClock(catalog: Pick<Lookup, 'now'>) {
  const askedAt = Date.now()
  const now = await catalog.now()
  return { now, skewMs: (askedAt + Date.now()) / 2 - now }
}

function quarantineGauges({ stock }: MetricKinds) {
  const entries = stock('khipu_quarantine_entries', 'Bodies kept in quarantine')
  const bytes = stock('khipu_quarantine_bytes', 'How large they are in all')
  const filled = stock(
    'khipu_quarantine_filled_ratio',
    'How full the quarantine is, 0 to 1; at 1 a new body evicts the oldest'
  )
  const evicted = stock('khipu_quarantine_evicted', 'Bodies that newer ones have evicted, ever')
  return (usage: Usage): void => {
    entries.set(usage.entries)
    bytes.set(usage.bytes)
    filled.set(usage.filled)
    evicted.set(usage.evicted)
  }
}

function resultQueueGauges({ stock }: MetricKinds) {
  const jobs = stock(
    'khipu_result_queue_jobs',
    'Results that no consumer has taken yet, and those that one has given up',
    ['state']
  )
  const oldest = stock(
    'khipu_result_queue_oldest_seconds',
    'For how long the result that is next has waited for a consumer; 0 where none waits'
  )
  return ({ waiting, failed, oldestMs }: Backlog): void => {
    jobs.set({ state: 'waiting' }, waiting)
    jobs.set({ state: 'failed' }, failed)
    oldest.set(oldestMs / 1000)
  }
}

function queueGauges({ stock }: MetricKinds) {
  const jobs = stock('khipu_queue_jobs', "Jobs of the service's own queues", ['queue', 'state'])
  return (counts: readonly QueueCount[]): void => {
    for (const { queue, state, count } of counts) jobs.set({ queue, state }, count)
  }
}
