import type { Logger } from 'pino'
import { quarantineId } from '../crypto/callback-id.ts'
import type { Spool } from '../spool/spool.ts'
import type { CallbackStore, Placed } from './redis-store.ts'
import { type Arrival, idOf, KINDS, type Stored } from './store-callback.ts'

export type CallbackSpool = Pick<Spool, 'put' | 'holds' | 'hasRoom'>

/**
 * Wraps a store. It writes a callback to disk where the wrapped store cannot store it now. It does the same where other
 * callbacks of the request are on disk, so that none overtakes them. The answer is the one that Redis would give.
 */
export function createSpoolingStore(
  store: CallbackStore,
  spool: CallbackSpool,
  log: Logger
): CallbackStore {
  return {
    canStore: store.canStore,
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

// Where the disk cannot be read, Redis stores the callback. In the worst case it overtakes another one, and the ledger
// keeps both. With a 503 instead, Khipu might never send it again.
function isOvertaking(spool: CallbackSpool, { capability }: Arrival): boolean {
  try {
    return spool.holds(capability.requestId)
  } catch {
    return false
  }
}

/** Writes the callback to the spool; null where the spool has no room or the disk fails. */
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
