import type { DatabaseSync } from 'node:sqlite'
import { PAGE_BYTES } from './database.ts'

/** As much as SQLite's own checkpoints let the log grow to, about. */
const LARGEST_LOG_BYTES = 4 * 1024 * 1024
/** What a commit writes beside its callbacks, at the most: some pages of the tables. */
const COMMIT_BYTES = 4 * PAGE_BYTES

/** Copies SQLite's log into its database, in a turn of the event loop of its own. */
export interface Checkpoints {
  /** Something of so many bytes was committed to the log. */
  wrote(bytes: number): void
  /** The log is to be cut off: what was deleted is overwritten, and then nothing of it is left. */
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
      // Everything is in the log all the same. On a full disk the database has to wait.
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
