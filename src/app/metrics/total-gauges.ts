import { type Totals, unaccounted } from '../../ledger/queries.ts'
import type { MetricKinds } from './metric-kinds.ts'

/** The gauges of the accounting. */
export function totalGauges({ stock }: MetricKinds) {
  const accepted = stock('khipu_requests_accepted', 'Requests accepted, ever: live + ended')
  const ended = stock('khipu_requests_ended', 'Requests ended, ever', ['state'])
  const lost = stock(
    'khipu_requests_unaccounted',
    'accepted - ended - live: anything but 0 means that a request was lost or made up'
  )
  const overdue = stock(
    'khipu_oldest_overdue_seconds',
    'For how long the oldest of what is overdue has been so; look into it above a minute'
  )
  const aside = stock(
    'khipu_results_set_aside',
    'Results that took their process down three times and are left alone; look into it above 0'
  )
  return (totals: Totals, overdueMs: number): void => {
    accepted.set(totals.accepted)
    for (const [state, count] of Object.entries(totals.ended)) ended.set({ state }, count)
    lost.set(unaccounted(totals))
    overdue.set(overdueMs / 1000)
    aside.set(totals.setAside)
  }
}
