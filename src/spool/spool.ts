import { statfsSync } from 'node:fs'
import { scheduleCheckpoints } from './checkpoints.ts'
import { openDatabase } from './database.ts'
import {
  openRows,
  type Row,
  type RowBounds,
  type Rows,
  type EncryptedCallback,
  type SpooledCallback,
  type Spooling,
  type SpoolTotals
} from './spooled-callbacks.ts'
import { batchCommits } from './batch-commits.ts'

/** What the spool holds. */
export interface SpoolUsage extends SpoolTotals {
  /** How many of them could not be opened: they stay, in case their key comes back, or the same callback again. */
  readonly unopened: number
  /** For how long the oldest has waited, in ms; 0 where there is none, null where the disk can't be read. */
  readonly waitedMs: number | null
}

/**
 * Callbacks on this machine's disk, sealed, in the order in which they came. It is for the time in which
 * Redis can't store, for Khipu may never send them again.
 */
export interface Spool {
  /** Resolves once it is on disk, come what may; rejects where the disk does not take it. */
  put(callback: SpooledCallback, body: Uint8Array): Promise<Spooling>
  /**
   * The oldest after that one, but for those that could not be opened; null where there is none. Throws where the
   * disk can't be read.
   */
  next(after: number): Row | null
  /**
   * The body of a row that `next` has just given; throws where the key that sealed it is gone, or anything was
   * altered.
   */
  open(row: Row): Buffer
  /** Throws where the disk does not let go of it. */
  remove(seq: number): void
  /** True while a callback of that request waits; throws where the disk can't be read. */
  holds(requestId: string): boolean
  /** False where there is no room for one of so many bytes. */
  hasRoom(size: number): boolean
  usage(): SpoolUsage
  /** Again is as good as once. */
  close(): void
}

export interface SpoolSettings extends RowBounds {
  /** The folder, of this process alone. */
  readonly folder: string
  /** How many bytes of the disk it leaves free: to remove something takes room as well. */
  readonly leaveFree: number
  readonly cipher: {
    /** Of a large body that is done off the event loop. */
    encrypt(plain: Uint8Array, id: string): Promise<Uint8Array> | Uint8Array
    decrypt(sealed: Uint8Array, id: string): Buffer
  }
}

/** Opens the spool of a folder; throws a SpoolError where that can't be one. */
export function openSpool({ folder, cipher, leaveFree, ...bounds }: SpoolSettings): Spool {
  const database = openDatabase(folder)
  const rows = openRows(database)
  const checkpoints = scheduleCheckpoints(database)
  const { open, canDecrypt, unopened } = createDecrypter(cipher)
  // It takes room in the log as well as in the database.
  const leavesFree = (size: number) => freeOf(folder) - 2 * size >= leaveFree
  const putting = batchCommits((waiting) => {
    const size = sizeOf(waiting)
    if (!leavesFree(size)) return waiting.map(() => 'full' as const)
    const taken = rows.insert(waiting, bounds, canDecrypt)
    checkpoints.wrote(size)
    return taken
  })

  return {
    put: async (callback, body) =>
      putting.put({ ...callback, sealed: await cipher.encrypt(body, sealedAs(callback)) }),
    open,

    next(after) {
      let row = rows.next(after)
      while (row !== null && unopened.has(row.seq)) row = rows.next(row.seq)
      return row
    },

    remove(seq) {
      const { bytes } = rows.sums()
      rows.remove(seq)
      const left = rows.sums()
      // What is deleted is overwritten.
      checkpoints.wrote(bytes - left.bytes)
      if (left.entries === 0) checkpoints.cutOff()
    },

    holds: (requestId) => rows.sums().entries > 0 && rows.sumsOf(requestId).entries > 0,
    // Sealed it is a little larger.
    hasRoom: (size) => rows.sums().bytes + size < bounds.mostBytes && leavesFree(size),

    usage: () => ({ ...rows.sums(), unopened: unopened.size, waitedMs: waitedMsOf(rows) }),

    close() {
      if (!database.isOpen) return
      putting.flushAll()
      database.close()
    }
  }
}

/** Opens rows, and remembers which it could not. */
function createDecrypter(cipher: SpoolSettings['cipher']) {
  const unopened = new Set<number>()
  const bodyOf = (row: Row) => cipher.decrypt(row.sealed, sealedAs(row))
  return {
    unopened,

    open(row: Row): Buffer {
      try {
        return bodyOf(row)
      } catch (error) {
        unopened.add(row.seq)
        throw error
      }
    },

    // One that can't be opened is about to be replaced; where there is no room for that, it is tried again.
    canDecrypt(row: Row): boolean {
      try {
        bodyOf(row)
        return true
      } catch {
        unopened.delete(row.seq)
        return false
      }
    }
  }
}

function waitedMsOf({ oldestAt }: Rows): number | null {
  const now = Date.now()
  try {
    return Math.max(0, now - (oldestAt() ?? now))
  } catch {
    return null
  }
}

function sizeOf(callbacks: readonly EncryptedCallback[]): number {
  return callbacks.reduce((sum, { sealed }) => sum + sealed.length, 0)
}

/** How many bytes of its disk are free; none where it can't say. */
function freeOf(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return 0
  }
}

/** What a body is sealed for: whoever may write to the disk can't pass it off as anything else. */
function sealedAs(callback: SpooledCallback): string {
  const { requestId, attempt, callbackId, isEncoded, receivedAt } = callback
  return ['spool', requestId, attempt, callbackId, isEncoded, receivedAt].join('/')
}
