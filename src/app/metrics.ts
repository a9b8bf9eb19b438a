import { collectDefaultMetrics, Registry } from '@prometheus-io/client'
import type { CommittedChange } from '../core/measures/measure-change.ts'
import type { Spool } from '../spool/spool.ts'
import { callbackMetrics, quarantineMetrics } from './metrics/callback-metrics.ts'
import { deviationCounter } from './metrics/deviation-counter.ts'
import { metricKinds } from './metrics/metric-kinds.ts'
import { buildInfo, expiryGauge, roomGauge, spoolGauges } from './metrics/process-gauges.ts'
import { requestMetrics } from './metrics/request-metrics.ts'
import { storedGauges, type StoredSource } from './metrics/stored-gauges.ts'
import { listenerMetrics, operationMetrics, sweepMetrics } from './metrics/work-metrics.ts'

/** The metrics of one process. Values that the ledger counts for all processes are read at each scrape. */
export type Metrics = ReturnType<typeof createMetrics>

export interface MetricsSource extends StoredSource {
  readonly version?: string
  readonly spool?: Pick<Spool, 'usage'> | null
  /** The share of its maxmemory that Redis uses, 0 to 1. */
  readonly filled?: () => number
  /** When the service's own authorization expires, in ms since 1970; null where that is not known. */
  readonly authorizationExpiresAt?: number | null
}

export function createMetrics(source: MetricsSource) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const kinds = metricKinds([registry])
  const { filled, spool, version, authorizationExpiresAt = null } = source
  // The metrics of something new have a file of their own in `metrics/`, and a line here.
  const { changed, ...requests } = requestMetrics(kinds)
  const { kept, quarantined } = quarantineMetrics(kinds)
  const counters = {
    ...requests,
    ...callbackMetrics(kinds),
    quarantined,
    /** Counts a change of a request that was committed. */
    changed: (change: CommittedChange) => {
      changed(change)
      kept(change)
    },
    /** Counts the deviations from the expected schema in a published result. */
    deviated: deviationCounter(kinds),
    ...sweepMetrics(kinds),
    ...operationMetrics(kinds),
    ...listenerMetrics(kinds)
  }
  const stored = storedGauges(kinds)
  const readRoom = filled && roomGauge(kinds, filled)
  const readSpool = spool && spoolGauges(kinds, spool)
  expiryGauge(kinds, authorizationExpiresAt)
  if (version !== undefined) buildInfo(kinds, version)
  return {
    ...counters,
    async render() {
      readRoom?.()
      readSpool?.()
      await stored.read(source)
      return { contentType: registry.contentType, text: await registry.metrics() }
    }
  }
}
