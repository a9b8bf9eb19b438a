import type { FastifyRequest } from 'fastify'
import { within } from '../redis/time-limit.ts'
import type { AdmissionDeps } from './check-token.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import { type Arrival, type IntakeDeps, store, type Stored } from './store-callback.ts'
import type { SpoolingDeps } from './spool-callback.ts'

export type StoringDeps = Pick<AdmissionDeps, 'canStore' | 'ledger'> &
  IntakeDeps &
  Pick<SpoolingDeps, 'spool'>

/** Stores what came at an instant of `performance.now()`; null where Redis can't, or has not said so in time. */
export type StoreInTime = (
  request: FastifyRequest,
  arrival: Arrival,
  cameAt: number
) => Promise<Stored | null>

/** For how long Redis may be silent in all, from the admission on: then it is answered 503, within 2 s. */
const PATIENCE_MS = 1_800
/** How slowly a large body may get to a Redis that answers others meanwhile. */
const LEAST_BYTES_PER_MS = 1_000
const TURN_MS = 100

/**
 * One whose storing came to nothing may be stored all the same: the same again is a duplicate. What came before
 * such a failure, and waited for its turn, is not tried: each would wait as long for a Redis that hangs.
 */
export function createStoring(deps: StoringDeps): StoreInTime {
  let failedAt = -Infinity
  return async (request, arrival, cameAt) => {
    if (failedAt > cameAt || !mayStore(deps, request, arrival)) return null
    const left = Math.max(0, PATIENCE_MS - request.askedForMs)
    const storing = store(deps, arrival)
    try {
      const isLarge = arrival.body.length > LARGE_BYTES
      return await (isLarge ? whileAnswering(deps, arrival, left, storing) : inTime(left, storing))
    } catch {
      failedAt = performance.now()
      return null
    }
  }
}

function inTime<T>(limitMs: number, storing: Promise<T>): Promise<T> {
  return within(limitMs, storing, () => new Error('Redis did not say so in time'))
}

/** A large body takes as long as it takes to get there, for as long as Redis answers on the other connection. */
async function whileAnswering<T>(
  { ledger }: StoringDeps,
  { capability, body }: Arrival,
  limitMs: number,
  storing: Promise<T>
): Promise<T> {
  const silence = watchSilence(limitMs, () => ledger.has(capability.requestId))
  const transferMs = body.length / LEAST_BYTES_PER_MS
  try {
    return await inTime(limitMs + transferMs, Promise.race([storing, silence.kept]))
  } finally {
    silence.stop()
  }
}

/**
 * Asks for as long as it is answered, and rejects once it is not for so long. That is counted in turns of the event
 * loop: where that was held up, an answer may be there and unread.
 */
function watchSilence(limitMs: number, ask: () => Promise<unknown>) {
  const { promise: kept, reject } = Promise.withResolvers<never>()
  let turns = 0
  let isAsking = false
  const timer = setInterval(() => {
    turns += 1
    if (turns * TURN_MS >= limitMs) reject(new Error('Redis says nothing'))
    if (isAsking) return
    isAsking = true
    // One that failed is asked again: it may have been given up too early, or for another reason.
    ask()
      .then(() => (turns = 0))
      .catch(() => {})
      .finally(() => (isAsking = false))
  }, TURN_MS)
  return { kept, stop: () => clearInterval(timer) }
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
