import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Ledger } from '../ledger/ledger.ts'
import type { Row } from '../spool/spooled-callbacks.ts'
import type { Spool } from '../spool/spool.ts'
import { quarantineBody, storeCallback, type StoreDeps, type Stored } from './store-callback.ts'
import type { Examine } from './examine-body.ts'

export interface DrainDeps extends StoreDeps {
  readonly ledger: Pick<Ledger, 'has' | 'receive'>
  readonly spool: Pick<Spool, 'next' | 'open' | 'remove' | 'usage'>
  /** False while Redis can't take more. */
  readonly canStore: () => boolean
  readonly examine: Examine
  readonly log: Logger
}

/** What empties the spool for as long as the process runs. */
export interface Draining {
  /** True while there is something on disk that Redis has not, and that can be opened. */
  hasMore(): boolean
  /** Resolves once the callback in hand is done; the rest waits on disk for the next start. */
  close(): Promise<void>
}

const LOOK_EVERY_MS = 250
/** More failures than this in one pass are no single request's: it goes on with the next pass. */
const MOST_FAILURES = 3
/** A disk that can't be read, or does not let go of what was stored, is not asked again at once. */
const REST_MS = 5_000

/**
 * Stores what the spool holds as soon as Redis can take it, the oldest first. A row is removed once Redis has
 * answered and never before, so a crash in between stores it again: the same bytes on the same attempt are a
 * duplicate, as they are where Redis had stored what it seemed not to have.
 */
export function startDraining(deps: DrainDeps): Draining {
  const { spool, canStore, log } = deps
  /** Those that Redis has, and the disk has not let go: they must not stand in the way of the others. */
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

/** One pass over all rows. One that fails holds back those of its own request, and no others. */
async function drain(
  deps: DrainDeps,
  unremoved: Set<number>,
  mayGoOn: () => boolean
): Promise<void> {
  const { spool, log } = deps
  const heldBack = new Set<string>()
  let drained = 0
  let row = spool.next(0)
  // A Redis that hangs must not be sent one body after the other: each would wait in this process's memory.
  let mayHang = true
  for (; row !== null && mayGoOn(); row = spool.next(row.seq)) {
    if (heldBack.has(row.requestId)) continue
    if (unremoved.has(row.seq)) {
      remove(deps, row, unremoved)
      continue
    }
    // At once: while Redis is asked, the same callback may come again, and take its place.
    const body = open(deps, row)
    if (body === null) continue
    if (mayHang && !(await answers(deps, row))) break
    const isMoved = await storeRow(deps, row, body)
    mayHang = !isMoved
    if (isMoved) {
      drained += 1
      remove(deps, row, unremoved)
      // The disk takes its time for a large one: the next is read in a turn of its own.
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

/** A full disk may not even let go: then it is tried again later, and the others go on. */
function remove({ spool, log }: DrainDeps, { seq }: Row, unremoved: Set<number>): void {
  try {
    spool.remove(seq)
    unremoved.delete(seq)
  } catch (error) {
    if (unremoved.size === 0) log.error({ code: codeOf(error) }, 'spool not drained')
    unremoved.add(seq)
  }
}

/** From disk to Redis; false where Redis did not say that it has it. */
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
  deps: DrainDeps,
  { requestId, attempt, isEncoded }: Row,
  body: Buffer,
  takenMsAgo: number
): Promise<Stored> {
  const capability = { requestId, attempt }
  const examined = await deps.examine(body, isEncoded, requestId)
  const arrival = { capability, body, isEncoded, ...examined, takenMsAgo }
  const stored = await storeCallback(deps, arrival)
  // It was answered for, though its request is known no more: for somebody to look at.
  return stored.status === 'unknown' ? quarantineBody(deps, arrival, 'late') : stored
}
