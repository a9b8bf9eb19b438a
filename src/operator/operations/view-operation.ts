import { type Operation, shownState, totalsOf } from '../../core/operations/operation.ts'
import { type ItemOutcome, outcomeOf } from '../../core/operations/outcome.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Operations, Outcomes, Stored } from '../../ledger/operations/operations.ts'
import type { OperationView } from '../../schemas/generated.ts'
import { OperatorError } from '../problem.ts'
import { instant } from '../views.ts'

export interface LookDeps {
  readonly operations: Pick<Operations, 'find' | 'openItems' | 'settleItems'>
  readonly catalog: Pick<Lookup, 'find'>
}

/** The view of an operation, with what has become of its requests. */
export async function lookAt(deps: LookDeps, id: string): Promise<OperationView> {
  const stored = await findOperation(deps, id)
  const isNew = stored.operation.lanes.every(({ done }) => done === 0)
  return operationViewOf(stored, isNew ? NO_OUTCOMES : await findOutcomes(deps, id))
}

export async function findOperation(
  { operations }: Pick<LookDeps, 'operations'>,
  id: string
): Promise<Stored> {
  const stored = await operations.find(id)
  if (stored === null) throw new OperatorError('unknown-operation', 'there is no such operation')
  return stored
}

export const NO_OUTCOMES: Outcomes = { open: 0, delivered: 0, failed: 0, parkedAgain: 0 }

/** How many requests one look at an operation reads, to learn what became of them. */
const LOOKED_AT = 500

/** What became of the requests that an operation has changed. What is known stays known, so each look reads others. */
async function findOutcomes({ operations, catalog }: LookDeps, id: string): Promise<Outcomes> {
  const open = await operations.openItems(id, LOOKED_AT)
  const requests = await Promise.all(open.map((item) => catalog.find(item)))
  const known = new Map<string, ItemOutcome>()
  for (const request of requests) {
    const outcome = request === null ? null : outcomeOf(request, id)
    if (request !== null && outcome !== null) known.set(request.requestId, outcome)
  }
  return operations.settleItems(id, known)
}

/** The view of an operation in the operator API. */
export function operationViewOf({ operation, nextAt }: Stored, outcomes: Outcomes): OperationView {
  const { id, action, filter, by, note, pace, limit, startedAt, endedAt } = operation
  const { held, ...totals } = totalsOf(operation)
  return {
    operation: id,
    action,
    filter,
    ids: operation.selection.ids?.length ?? null,
    by,
    note,
    canary: hasBankCanaries(operation) ? 'bank' : 'none',
    pace,
    limit,
    startedAt: instant(startedAt),
    endedAt: endedAt === null ? null : instant(endedAt),
    state: shownState(operation),
    ...totals,
    held: held.map((one) => ({ ...one })),
    outcomes,
    nextAt: nextAt === null || endedAt !== null ? null : instant(nextAt)
  }
}

function hasBankCanaries({ canaries }: Operation): boolean {
  return canaries.some(({ credentials }) => credentials === null)
}
