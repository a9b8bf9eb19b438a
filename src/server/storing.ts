import type { FastifyRequest } from 'fastify'
import { within } from '../queue/within.ts'
import type { AdmissionDeps } from './admission.ts'
import { type Arrival, type IntakeDeps, store, type Stored } from './intake.ts'
import type { SpoolingDeps } from './spooling.ts'

export type StoringDeps = Pick<AdmissionDeps, 'canStore'> & IntakeDeps & Pick<SpoolingDeps, 'spool'>

/** Stores what came at an instant of `performance.now()`; null where Redis can't, or has not said so in time. */
export type StoreInTime = (
  request: FastifyRequest,
  arrival: Arrival,
  cameAt: number
) => Promise<Stored | null>

/** What a callback may wait for Redis in all, from its admission on: it hears 503 within 2 s. */
const PATIENCE_MS = 1_800

/**
 * One whose storing came to nothing may be stored all the same: the same again is a duplicate. What came before
 * such a failure, and waited for its turn, is not tried: each would wait as long for a Redis that hangs.
 */
export function createStoring(deps: StoringDeps): StoreInTime {
  let failedAt = -Infinity
  return async (request, arrival, cameAt) => {
    if (failedAt > cameAt || !mayStore(deps, request, arrival)) return null
    const left = Math.max(0, PATIENCE_MS - request.askedForMs)
    try {
      return await within(
        left,
        store(deps, arrival),
        () => new Error('Redis did not say so in time')
      )
    } catch {
      failedAt = performance.now()
      return null
    }
  }
}

// While others of its request wait on disk, none goes before them.
function mayStore(
  { canStore, spool }: StoringDeps,
  { isKnown }: FastifyRequest,
  { capability }: Arrival
) {
  return isKnown && canStore() && !othersWait(spool, capability.requestId)
}

// Where the disk can't say, it is stored: one that overtakes is at worst kept beside the one that it overtook,
// and one that is answered 503 may never come again.
function othersWait(spool: StoringDeps['spool'], requestId: string): boolean {
  try {
    return spool?.holds(requestId) === true
  } catch {
    return false
  }
}
