import { sum } from '../core/sum.ts'
import type { SizedGroup } from '../core/groups/group.ts'
import type { Totals } from './queries.ts'
import type { ListPage } from './listing.ts'

/**
 * Merges one page of each part of the ledger into one, newest first. A part with further records has searched down to
 * its cursor. Records older than any such cursor belong to a later page.
 */
export function mergePages(pages: readonly ListPage[], limit: number): ListPage {
  const cursors = pages.flatMap(({ next }) => (next === null ? [] : [next])).toSorted()
  const seenDownTo = cursors.at(-1) ?? null
  const items = pages
    .flatMap((page) => page.items)
    .filter(({ requestId }) => seenDownTo === null || requestId >= seenDownTo)
    .toSorted((one, other) => (one.requestId < other.requestId ? 1 : -1))
  const totals = pages.flatMap(({ total }) => (total === null ? [] : [total]))
  const total = totals.length < pages.length ? null : sum(totals)
  if (items.length < limit) {
    return { items, next: seenDownTo, total, partial: pages.some(({ partial }) => partial) }
  }
  const shown = items.slice(0, limit)
  return { items: shown, next: shown.at(-1)?.requestId ?? null, total, partial: false }
}

/** The groups of all parts of the ledger; null where one part is not indexed yet. */
export function mergeSizes(
  all: readonly (readonly SizedGroup[] | null)[]
): readonly SizedGroup[] | null {
  const merged = new Map<string, SizedGroup>()
  for (const sizes of all) {
    if (sizes === null) return null
    for (const group of sizes) {
      const { count = 0, oldestAt = Infinity } = merged.get(group.name) ?? {}
      merged.set(group.name, {
        name: group.name,
        count: count + group.count,
        oldestAt: Math.min(oldestAt, group.oldestAt)
      })
    }
  }
  return [...merged.values()]
}

/** The totals of all parts of the ledger. */
export function sumTotals(all: readonly Totals[]): Totals {
  return {
    accepted: sum(all.map(({ accepted }) => accepted)),
    ended: sumByName(all.map(({ ended }) => ended)),
    live: sumByName(all.map(({ live }) => live)),
    setAside: sum(all.map(({ setAside }) => setAside))
  }
}

function sumByName(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const [name, count] of all.flatMap((one) => Object.entries(one))) {
    sums.set(name, (sums.get(name) ?? 0) + count)
  }
  return Object.fromEntries(sums)
}
