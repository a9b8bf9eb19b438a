import { mergeInOrder, newestFirst } from '../merge.ts'
import type { OperationPage, Operations } from './operations.ts'

/** The records of all parts of the ledger. That of an operation lies in one part, and tells of requests in all parts. */
export function joinOperations(
  all: readonly Operations[],
  of: (id: string) => Operations
): Operations {
  return {
    create: (operation, ...how) => of(operation.id).create(operation, ...how),
    find: (id) => of(id).find(id),
    change: (id, ...change) => of(id).change(id, ...change),
    claim: (id) => (id === undefined ? claimAny(all) : of(id).claim(id)),
    list: async (before, limit) =>
      mergeOperations(await Promise.all(all.map((one) => one.list(before, limit))), limit),
    items: (id, limit) => of(id).items(id, limit),
    openItems: (id, limit) => of(id).openItems(id, limit),
    settleItems: (id, outcomes) => of(id).settleItems(id, outcomes)
  }
}

async function claimAny(all: readonly Operations[]) {
  for (const one of all) {
    const claimed = await one.claim()
    if (claimed !== null) return claimed
  }
  return null
}

/** Merges pages of operations, newest first. */
function mergeOperations(pages: readonly OperationPage[], limit: number): OperationPage {
  const { items, next } = mergeInOrder(pages, limit, ({ operation }) => operation.id, newestFirst)
  return { items, next }
}
