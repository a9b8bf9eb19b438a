import type { DatabaseSync } from 'node:sqlite'
import { PAGE_BYTES } from './database.ts'

/** About the size at which SQLite's automatic checkpoint would run. */
const LARGEST_LOG_BYTES = 4 * 1024 * 1024
/** The most that a commit writes beside its callbacks: some pages of the tables. */
const COMMIT_BYTES = 4 * PAGE_BYTES

/** Copies SQLite's write-ahead log into its database, in a separate turn of the event loop. */
export interface Checkpoints {
  /** Counts bytes that were committed to the log. */
  wrote(bytes: number): void
  /** Truncates the log, so that nothing remains of deleted callbacks. The database overwrites deleted data. */
  cutOff(): void
}

export function scheduleCheckpoints(database: DatabaseSync): Checkpoints {
  let logBytes = 0
  let mode: 'PASSIVE' | 'TRUNCATE' | null = null

  function checkpoint(): void {
    const how = mode
    mode = null
    if (how === null || !database.isOpen) return
    logBytes = 0
    try {
      database.exec(`PRAGMA wal_checkpoint(${how})`)
    } catch {
      // No data is lost: all commits are in the log. A full disk delays the copy into the database.
    }
  }

  function soon(how: 'PASSIVE' | 'TRUNCATE'): void {
    if (mode === null) setImmediate(checkpoint)
    if (mode !== 'TRUNCATE') mode = how
  }

  return {
    wrote(bytes) {
      logBytes += bytes + COMMIT_BYTES
      if (logBytes >= LARGEST_LOG_BYTES) soon('PASSIVE')
    },
    cutOff: () => soon('TRUNCATE')
  }
}
