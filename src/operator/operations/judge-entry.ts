import type { Operation } from '../../core/operations/operation.ts'
import type { Request } from '../../core/request.ts'
import type { CarryOnDeps } from '../../ledger/operations/carry-on.ts'
import type { Quarantined } from '../../ledger/quarantine/quarantine.ts'
import { acceptQuarantined, type AcceptDeps, noteOperator } from '../accept-quarantined.ts'
import { OperatorError } from '../problem.ts'

/**
 * Makes what accepts or discards an entry of the quarantine for an operation. The history of its request tells, after a
 * crash, that it has done so.
 */
export function createJudge(deps: AcceptDeps): CarryOnDeps['judge'] {
  return async (operation, quarantineId) => {
    const { action, by, force, id } = operation
    const kept = await deps.quarantine.find(quarantineId)
    if (kept === null) return 'passed'
    if (await isNoted(deps, operation, kept)) {
      await deps.quarantine.discard(quarantineId)
      return 'done'
    }
    if (action === 'accept') return accept(deps, operation, kept)
    await noteOperator(deps, kept, 'quarantine-discarded', by, { force, operation: id })
    await deps.quarantine.discard(quarantineId)
    return 'done'
  }
}

async function accept(
  deps: AcceptDeps,
  { by, force, id }: Operation,
  kept: Quarantined
): Promise<'done' | 'refused'> {
  try {
    await acceptQuarantined(deps, kept, by, { force, operation: id })
    return 'done'
  } catch (error) {
    if (error instanceof OperatorError) return 'refused'
    throw error
  }
}

async function isNoted(
  { catalog }: AcceptDeps,
  { id }: Operation,
  { requestId, quarantineId }: Quarantined
): Promise<boolean> {
  const { history = [] }: Partial<Request> = (await catalog.find(requestId)) ?? {}
  return history.some(
    (event) => event['operation'] === id && event['quarantineId'] === quarantineId
  )
}
