import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Ledger } from '../ledger/ledger.ts'
import type { Row } from '../spool/spooled-callbacks.ts'
import type { Spool } from '../spool/spool.ts'
import { type LedgerWriters, quarantineBody, storeCallback, type Stored } from './store-callback.ts'
import type { Examine } from './examine-body.ts'

export interface DrainDeps {
  readonly ledger: Pick<Ledger, 'has'>
  readonly writers: LedgerWriters
  readonly spool: Pick<Spool, 'next' | 'open' | 'remove' | 'usage'>
  /** False while Redis is away or nearly full. */
  readonly canStore: () => boolean
  readonly examine: Examine
  readonly log: Logger
}

/** Moves spooled callbacks to Redis for as long as the process runs. */
export interface Draining {
  /** True while the disk holds a callback that Redis lacks and that can be decrypted. */
  hasMore(): boolean
  /** Resolves once the current callback is done. The others stay on disk until the next start. */
  close(): Promise<void>
}

const LOOK_EVERY_MS = 250
/** More failed requests than this in one pass point to a fault of Redis. The pass ends, and the next pass retries. */
const MOST_FAILURES = 3
/** Pause after an error of the disk: it cannot be read, or a stored callback cannot be removed. */
const REST_MS = 5_000

/**
 * Stores the spooled callbacks in Redis as soon as Redis accepts them, the oldest first. A row is removed only after
 * Redis has confirmed it. So a crash in between stores a callback again, as does a confirmation that got lost. That is
 * idempotent: the same bytes on the same attempt are a duplicate.
 */
export function startDraining(deps: DrainDeps): Draining {
  const { spool, canStore, log } = deps
  /** The rows that are stored in Redis but could not be removed from disk. They must not block the other rows. */
  const unremoved = new Set<number>()
  let isClosed = false
  let draining: Promise<void> | null = null
  let isTroubled = false
  let restsUntil = 0
  const mayGoOn = () => !isClosed && canStore()
  const hasMore = () => {
    const { entries, unopened } = spool.usage()
    return entries > unopened + unremoved.size
  }
  const endWell = () => void (isTroubled = false)
  const endInTrouble = (error: unknown) => {
    if (!isTroubled) log.error({ code: codeOf(error) }, 'spool not drained')
    isTroubled = true
  }
  const look = () => {
    const rests = Date.now() < restsUntil || (!hasMore() && unremoved.size === 0)
    if (draining !== null || rests || !mayGoOn()) return
    draining = drain(deps, unremoved, mayGoOn)
      .then(endWell, endInTrouble)
      .finally(() => {
        if (isTroubled || unremoved.size > 0) restsUntil = Date.now() + REST_MS
        draining = null
      })
  }
  const timer = setInterval(look, LOOK_EVERY_MS)
  look()
  return {
    hasMore,
    async close() {
      isClosed = true
      clearInterval(timer)
      await draining
    }
  }
}

/** Makes one pass over all rows. A row that fails holds back only later rows of the same request. */
async function drain(
  deps: DrainDeps,
  unremoved: Set<number>,
  mayGoOn: () => boolean
): Promise<void> {
  const { spool, log } = deps
  const heldBack = new Set<string>()
  let drained = 0
  let row = spool.next(0)
  // A hanging Redis must not get one body after the other, because each would wait in the memory of this process.
  // At first and after each failure, the pass asks Redis for a short answer before it sends a body.
  let mayHang = true
  for (; row !== null && mayGoOn(); row = spool.next(row.seq)) {
    if (heldBack.has(row.requestId)) continue
    if (unremoved.has(row.seq)) {
      remove(deps, row, unremoved)
      continue
    }
    // Decrypted before Redis is asked. During that wait the same callback may come again and replace the row.
    const body = open(deps, row)
    if (body === null) continue
    if (mayHang && !(await answers(deps, row))) break
    const isMoved = await storeRow(deps, row, body)
    mayHang = !isMoved
    if (isMoved) {
      drained += 1
      remove(deps, row, unremoved)
      // A large row blocks the event loop while it is read or removed, so the next row gets a turn of its own.
      await nextTurn()
    } else heldBack.add(row.requestId)
    if (heldBack.size > MOST_FAILURES) break
  }
  if (drained > 0) log.info({ drained, left: spool.usage().entries }, 'spool drained')
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function answers({ ledger }: DrainDeps, { requestId }: Row): Promise<boolean> {
  return ledger.has(requestId).then(
    () => true,
    () => false
  )
}

function open({ spool, log }: DrainDeps, row: Row): Buffer | null {
  try {
    return spool.open(row)
  } catch (error) {
    const { requestId, attempt } = row
    const why = error instanceof Error ? error.message : 'unknown'
    log.error({ requestId, attempt, error: why }, 'spooled callback cannot be decrypted')
    return null
  }
}

/** A full disk may refuse even the removal of a row. Then a later pass retries it, and the other rows go on. */
function remove({ spool, log }: DrainDeps, { seq }: Row, unremoved: Set<number>): void {
  try {
    spool.remove(seq)
    unremoved.delete(seq)
  } catch (error) {
    if (unremoved.size === 0) log.error({ code: codeOf(error) }, 'spool not drained')
    unremoved.add(seq)
  }
}

/** Stores one row in Redis; false where Redis did not confirm it. */
async function storeRow(deps: DrainDeps, row: Row, body: Buffer): Promise<boolean> {
  const { requestId, attempt } = row
  const takenMsAgo = Math.max(0, Date.now() - row.receivedAt)
  const stored = await storeOrKeep(deps, row, body, takenMsAgo).catch(() => null)
  if (stored === null) return false
  const { status, id } = stored
  deps.log.info({ requestId, attempt, status, id, takenMsAgo }, 'spooled callback stored')
  return true
}

async function storeOrKeep(
  { examine, writers }: Pick<DrainDeps, 'examine' | 'writers'>,
  { requestId, attempt, isEncoded }: Row,
  body: Buffer,
  takenMsAgo: number
): Promise<Stored> {
  const capability = { requestId, attempt }
  const examined = await examine(body, isEncoded, requestId)
  const arrival = { capability, body, isEncoded, ...examined, takenMsAgo }
  const stored = await storeCallback(writers, arrival)
  // The service has acknowledged this callback, but the ledger no longer knows its request. An operator can look at it.
  return stored.status === 'unknown' ? quarantineBody(writers.small, arrival, 'late') : stored
}
