import { shownState } from '../../core/operations/operation.ts'
import type { Operations, Stored } from '../../ledger/operations/operations.ts'
import type { OperationView } from '../../schemas/generated.ts'
import { NO_OUTCOMES, operationViewOf } from './view-operation.ts'

export interface ListDeps {
  readonly operations: Pick<Operations, 'list' | 'settleItems'>
}

interface Asked {
  /** States with commas between them. */
  readonly state: string | undefined
  readonly limit: number
  /** The id at the end of the page before. */
  readonly before: string | null
}

/** How many operations one page reads at most. */
const MOST_READ = 1000

/** A page of operations, newest first. Their outcomes are those that are known. */
export async function listOperations(
  deps: ListDeps,
  { state, limit, before }: Asked
): Promise<{ items: OperationView[]; next: string | null }> {
  const states = state?.split(',') ?? null
  const found: Stored[] = []
  let next = before
  for (let read = 0; read < MOST_READ; read += limit) {
    const page = await deps.operations.list(next, limit)
    for (const stored of page.items) {
      if (states?.includes(shownState(stored.operation)) ?? true) found.push(stored)
      next = stored.operation.id
      if (found.length === limit) return { items: await views(deps, found), next }
    }
    next = page.next
    if (next === null) break
  }
  return { items: await views(deps, found), next }
}

function views({ operations }: ListDeps, found: readonly Stored[]): Promise<OperationView[]> {
  return Promise.all(
    found.map(async (stored) => {
      const { id, lanes } = stored.operation
      const isNew = lanes.every(({ done }) => done === 0)
      const outcomes = isNew ? NO_OUTCOMES : await operations.settleItems(id, new Map())
      return operationViewOf(stored, outcomes)
    })
  )
}
