import type { Logger } from 'pino'
import { quarantineId } from '../crypto/callback-id.ts'
import type { Spool } from '../spool/spool.ts'
import type { CallbackStore, Placed } from './callback-store.ts'
import { type Arrival, idOf, KINDS, type Stored } from './store-callback.ts'

export type CallbackSpool = Pick<Spool, 'put' | 'holds' | 'hasRoom'>

/**
 * Puts a callback on disk that the store behind it can't store now, or that must not overtake others of its request on
 * the disk. It gets the answer that it would have got from Redis.
 */
export function createSpoolingStore(
  store: CallbackStore,
  spool: CallbackSpool,
  log: Logger
): CallbackStore {
  return {
    knows: store.knows,

    hasRoom({ requestId, attempt, size }) {
      const hasRoom = spool.hasRoom(size)
      if (!hasRoom) log.error({ requestId, attempt, size, code: 'full' }, 'callback not spooled')
      return hasRoom
    },

    async store(callback) {
      const { arrival, canWait } = callback
      const placed = isOvertaking(spool, arrival) ? null : await store.store(callback)
      return placed ?? (canWait ? putOnDisk(spool, log, arrival) : null)
    }
  }
}

// Where the disk can't say, Redis stores it: an overtaking callback is at worst kept beside the one that it overtook,
// and one that is answered 503 may never come again.
function isOvertaking(spool: CallbackSpool, { capability }: Arrival): boolean {
  try {
    return spool.holds(capability.requestId)
  } catch {
    return false
  }
}

/** Null where the disk does not take it. */
async function putOnDisk(
  spool: CallbackSpool,
  log: Logger,
  arrival: Arrival
): Promise<Placed | null> {
  const { capability, body, isEncoded, verdict } = arrival
  const { requestId, attempt } = capability
  const id = idOf(arrival)
  const isResult = verdict.type === 'callback' && verdict.outcome.type === 'result'
  const receivedAt = Date.now()
  const callback = { requestId, attempt, callbackId: id, isEncoded, isResult, receivedAt }
  const fields = { requestId, attempt, size: body.length }
  const spooling = await spool.put(callback, body).catch((error: { code?: unknown }) => {
    log.error({ ...fields, code: error.code }, 'callback not spooled')
    return null
  })
  if (spooling === 'full') log.error({ ...fields, code: spooling }, 'callback not spooled')
  if (spooling === null || spooling === 'full') return null
  if (spooling === 'too-many') return { status: 'full', id, place: 'disk' }
  const kind = verdict.type === 'callback' ? 'callback' : KINDS[verdict.status]
  log.info({ ...fields, kind, spooling }, 'callback spooled')
  return { ...storedAs(spooling, arrival, id), place: 'disk' }
}

function storedAs(
  spooling: 'spooled' | 'duplicate',
  { capability, verdict }: Arrival,
  id: string
): Stored {
  if (verdict.type === 'refused') {
    const kind = KINDS[verdict.status]
    return { status: 'kept', id: quarantineId(capability.requestId, id), kind }
  }
  return { status: spooling === 'duplicate' ? 'duplicate' : 'accepted', id }
}
