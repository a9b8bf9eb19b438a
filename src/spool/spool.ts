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

/** The content of the spool, for metrics and health. */
export interface SpoolUsage extends SpoolTotals {
  /** How many rows could not be decrypted. They stay until the key returns or Khipu sends the same callback again. */
  readonly unopened: number
  /** How long the oldest row has waited, in ms; 0 where there is none, null where the disk cannot be read. */
  readonly waitedMs: number | null
}

/**
 * Encrypted callbacks on the disk of this machine, in the order of arrival. The spool is used while Redis cannot store
 * callbacks, because Khipu may never send them again.
 */
export interface Spool {
  /** Resolves once the callback is durable on disk; rejects where the disk refuses it. */
  put(callback: SpooledCallback, body: Uint8Array): Promise<Spooling>
  /**
   * Returns the oldest row after that `seq`, without the rows that could not be decrypted; null where there is none.
   * Throws where the disk cannot be read.
   */
  next(after: number): Row | null
  /** Decrypts the body of a row from `next`; throws where its key is gone or anything was altered. */
  open(row: Row): Buffer
  /** Removes a row; throws where the disk refuses that. */
  remove(seq: number): void
  /** True while a callback of that request is on disk; throws where the disk cannot be read. */
  holds(requestId: string): boolean
  /** False where there is no room for a body of that size, in bytes. */
  hasRoom(size: number): boolean
  usage(): SpoolUsage
  /** Commits the waiting callbacks and closes the database. Idempotent. */
  close(): void
}

export interface SpoolSettings extends RowBounds {
  /** The folder. No other process may use it. */
  readonly folder: string
  /** How many bytes of the disk stay free, because removing a row takes room as well. */
  readonly leaveFree: number
  readonly cipher: {
    /** A large body is encrypted off the event loop. */
    encrypt(plain: Uint8Array, id: string): Promise<Uint8Array> | Uint8Array
    decrypt(sealed: Uint8Array, id: string): Buffer
  }
}

/** Opens the spool of a folder; throws a SpoolError where the folder cannot hold one. */
export function openSpool({ folder, cipher, leaveFree, ...bounds }: SpoolSettings): Spool {
  const database = openDatabase(folder)
  const rows = openRows(database)
  const checkpoints = scheduleCheckpoints(database)
  const { open, canDecrypt, unopened } = createDecrypter(cipher)
  // A row takes room twice: in the write-ahead log and in the database.
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
      putting.put({ ...callback, sealed: await cipher.encrypt(body, boundIdOf(callback)) }),
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
      // SQLite overwrites deleted data, so a removal writes as many bytes to the log.
      checkpoints.wrote(bytes - left.bytes)
      if (left.entries === 0) checkpoints.cutOff()
    },

    holds: (requestId) => rows.sums().entries > 0 && rows.sumsOf(requestId).entries > 0,
    // `<`, not `<=`, because the encrypted body is a little larger.
    hasRoom: (size) => rows.sums().bytes + size < bounds.mostBytes && leavesFree(size),

    usage: () => ({ ...rows.sums(), unopened: unopened.size, waitedMs: waitedMsOf(rows) }),

    close() {
      if (!database.isOpen) return
      putting.flushAll()
      database.close()
    }
  }
}

/** Decrypts rows, and remembers the rows that cannot be decrypted. */
function createDecrypter(cipher: SpoolSettings['cipher']) {
  const unopened = new Set<number>()
  const bodyOf = (row: Row) => cipher.decrypt(row.sealed, boundIdOf(row))
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

    // A row that cannot be decrypted is about to be replaced, so it no longer counts as unopened. Where there is no
    // room for the replacement, the next pass finds the row again.
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

/** The free bytes of the folder's disk; 0 where they cannot be read. */
function freeOf(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return 0
  }
}

/** The id that the encryption binds a body to. Somebody with access to the disk cannot move it to another callback. */
function boundIdOf(callback: SpooledCallback): string {
  const { requestId, attempt, callbackId, isEncoded, receivedAt } = callback
  return ['spool', requestId, attempt, callbackId, isEncoded, receivedAt].join('/')
}
