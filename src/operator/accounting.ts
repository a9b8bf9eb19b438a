import { sum } from '../core/sum.ts'
import { type Totals, unaccounted } from '../ledger/queries.ts'
import type { Accounting } from '../schemas/generated.ts'

/** The accounting invariant, `accepted = ended + live`, and the age of the oldest overdue request. */
export function accountingOf(totals: Totals, overdueMs: number): Accounting {
  return {
    accepted: totals.accepted,
    ended: sum(Object.values(totals.ended)),
    live: sum(Object.values(totals.live)),
    unaccounted: unaccounted(totals),
    setAside: totals.setAside,
    oldestOverdueSeconds: overdueMs / 1000
  }
}
