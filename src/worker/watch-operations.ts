import type { Logger } from 'pino'
import { measureOperation, type OperationProgress } from '../core/measures/measure-operation.ts'
import { totalsOf } from '../core/operations/operation.ts'
import { carryOn, type CarryOnDeps } from '../ledger/operations/carry-on.ts'
import type { Operations } from '../ledger/operations/operations.ts'
import { everySecond } from './every-second.ts'

export interface WatchOperationsDeps {
  readonly operations: Pick<Operations, 'change' | 'claim'>
  readonly parts: CarryOnDeps['parts']
  readonly find: CarryOnDeps['find']
  readonly judge: CarryOnDeps['judge']
  /** Counts what one turn of an operation has done. */
  readonly operated: (action: string, progress: OperationProgress) => void
  readonly log: Logger
}

/** How long one operation is carried on before the next one. */
const TURN_MS = 1_000

/** Looks every second for operations that are due, and carries them on. Returns what stops it. */
export function watchOperations(deps: WatchOperationsDeps): () => Promise<void> {
  return everySecond(
    (signal) => carryOnDue(deps, signal),
    (error) => deps.log.error({ error: error.name }, 'operations not carried on')
  )
}

/** Carries on what is due, one turn each. */
export async function carryOnDue(deps: WatchOperationsDeps, signal?: AbortSignal): Promise<void> {
  const seen = new Set<string>()
  while (signal?.aborted !== true) {
    const claimed = await deps.operations.claim()
    if (claimed === null) return
    const { id } = claimed.operation
    const carried = await carryOn(deps, claimed, TURN_MS)
    deps.operated(carried.action, measureOperation(claimed.operation, carried))
    const { state, endedAt, ...operation } = carried
    if (endedAt !== null) {
      const { held, ...totals } = totalsOf({ state, endedAt, ...operation })
      deps.log.info({ operation: id, state, ...totals, held: held.length }, 'operation ended')
    }
    // One that has more to do comes again a second later, so that it does not keep the others from their turn.
    if (seen.has(id)) return
    seen.add(id)
  }
}
