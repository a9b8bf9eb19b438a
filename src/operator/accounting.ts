import { sum } from '../core/sum.ts'
import type { Backlog } from '../delivery/result-sink.ts'
import { type Totals, unaccounted } from '../ledger/queries.ts'
import type { Accounting, Summary } from '../schemas/generated.ts'

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

/** The backlog of the result queue, in seconds. */
export function backlogOf({ waiting, failed, oldestMs }: Backlog): Summary['resultQueue'] {
  return { waiting, failed, oldestSeconds: Math.round(oldestMs / 1000) }
}
