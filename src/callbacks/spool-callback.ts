import type { Logger } from 'pino'
import { quarantineId } from '../crypto/callback-id.ts'
import type { Spool } from '../spool/spool.ts'
import { type Arrival, idOf, KINDS, type Stored } from './store-callback.ts'

export interface SpoolingDeps {
  /** Where callbacks wait on disk while Redis can't store them; null where there is no such place. */
  readonly spool: Pick<Spool, 'put' | 'holds' | 'hasRoom'> | null
  readonly log: Logger
}

/**
 * Puts on disk what Redis can't store now, or what must not overtake others that wait there. It will be
 * stored as it would have been now, so that is what it is answered; null where it can't be put.
 */
export async function spool(deps: SpoolingDeps, arrival: Arrival): Promise<Stored | null> {
  const { capability, body, isEncoded, verdict } = arrival
  const { requestId, attempt } = capability
  if (deps.spool === null) return null
  const id = idOf(arrival)
  const isResult = verdict.type === 'callback' && verdict.outcome.type === 'result'
  const callback = {
    requestId,
    attempt,
    callbackId: id,
    isEncoded,
    isResult,
    receivedAt: Date.now()
  }
  const fields = { requestId, attempt, size: body.length }
  const spooling = await deps.spool.put(callback, body).catch((error: { code?: unknown }) => {
    deps.log.error({ ...fields, code: error.code }, 'callback not spooled')
    return null
  })
  if (spooling === 'full') deps.log.error({ ...fields, code: spooling }, 'callback not spooled')
  if (spooling === null || spooling === 'full') return null
  if (spooling === 'too-many') return { status: 'full', id }
  const kind = verdict.type === 'callback' ? 'callback' : KINDS[verdict.status]
  deps.log.info({ ...fields, kind, spooling }, 'callback spooled')
  return storedAs(spooling, arrival, id)
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
