import type { OperationProgress } from '../../core/measures/measure-operation.ts'
import type { MetricKinds } from './metric-kinds.ts'

const SWEEP = [0.01, 0.05, 0.1, 0.5, 1, 5, 15]
const CALL = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts what the sweep finds. */
export function sweepMetrics(kinds: MetricKinds) {
  const seconds = kinds.spread('khipu_sweep_seconds', 'How long a sweep took', SWEEP)
  const recovered = kinds.flow(
    'khipu_sweep_recovered_total',
    'What a crash or a lost queue had left behind, and a sweep took up: requests and notifications',
    ['what']
  )
  const strays = kinds.flow(
    'khipu_index_strays_total',
    'Entries of an index of the ledger that were wrong, and were corrected',
    ['what']
  )
  for (const what of ['request', 'notification'] as const) recovered.inc({ what }, 0)
  strays.inc({ what: 'group' }, 0)
  return {
    /** Counts a sweep, with its duration in ms. */
    swept: (tookMs: number) => seconds.observe(tookMs / 1000),
    recovered: (what: 'request' | 'notification') => recovered.inc({ what }),
    strays: (count: number) => strays.inc({ what: 'group' }, count)
  }
}

/** Counts what operations do. */
export function operationMetrics(kinds: MetricKinds) {
  const items = kinds.flow(
    'khipu_bulk_items_total',
    'Members of operations, by what was done: changed, refused, or passed over because they had left the selection',
    ['action', 'outcome']
  )
  const canaries = kinds.flow(
    'khipu_canary_total',
    'What the first requests of operations told: the rest goes, or is held',
    ['outcome']
  )
  for (const outcome of ['goes', 'held'] as const) canaries.inc({ outcome }, 0)
  return {
    /** Counts one turn of an operation. */
    operated: (action: string, { items: counts, canaries: told }: OperationProgress) => {
      for (const [outcome, count] of Object.entries(counts)) items.inc({ action, outcome }, count)
      for (const outcome of told) canaries.inc({ outcome })
    }
  }
}

/** Counts the calls of operators, and the connections that nobody served. */
export function listenerMetrics(kinds: MetricKinds) {
  const seconds = kinds.spread(
    'khipu_operator_request_seconds',
    'How long a call of the operator listener took, by its route and the HTTP status of its answer',
    CALL,
    ['route', 'status']
  )
  const unauthorized = kinds.flow(
    'khipu_operator_refusals_total',
    'Calls of the operator API without a good token, by what was wrong',
    ['reason']
  )
  const dropped = kinds.flow(
    'khipu_connections_dropped_total',
    'Connections beyond MAX_CONNECTIONS, closed unheard',
    ['listener']
  )
  return {
    /** Counts an answered call, with its duration in ms. */
    operatorCall: (route: string, status: number, tookMs: number) =>
      seconds.observe({ route, status }, tookMs / 1000),
    /** Counts a refused call of the operator API. */
    unauthorized: (reason: string) => unauthorized.inc({ reason }),
    /** Counts a connection that a listener dropped because it was at MAX_CONNECTIONS. */
    dropped: (listener: 'public' | 'operator' | 'metrics') => dropped.inc({ listener })
  }
}
