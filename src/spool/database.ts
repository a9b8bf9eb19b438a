import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

const FILE = 'callbacks.sqlite'
/** The `PRAGMA user_version` that this version of the service writes. */
const FORMAT = 1

export const PAGE_BYTES = 16_384

const TABLE = `
CREATE TABLE IF NOT EXISTS spooled (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  requestId TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  callbackId TEXT NOT NULL,
  isEncoded INTEGER NOT NULL,
  receivedAt INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  isResult INTEGER NOT NULL DEFAULT 0,
  UNIQUE (requestId, callbackId, isEncoded)
) STRICT;
PRAGMA user_version = ${FORMAT};
`

// The oldest spool files lack the column isResult. Older versions of the service can read a file that has it, and the
// rows that they add count as no result.
const ADD_IS_RESULT = 'ALTER TABLE spooled ADD COLUMN isResult INTEGER NOT NULL DEFAULT 0'
const HAS_IS_RESULT = "SELECT 1 FROM pragma_table_info('spooled') WHERE name = 'isResult'"

/**
 * Opens or creates the database of a folder, for this process alone. A commit is on disk when it returns. Throws a
 * SpoolError where the folder cannot be written, another process uses it, or the file is damaged. A damaged file stays
 * unchanged, so that an operator can look at it.
 */
export function openDatabase(folder: string): DatabaseSync {
  try {
    prepareFolder(resolve(folder))
    // Loaded only where a spool is used, because Node 22 warns that its SQLite is experimental. Node 24 does not.
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
    return prepare(new DatabaseSync(join(folder, FILE)))
  } catch (error) {
    throw explain(error)
  }
}

// Only the user of this process may read the folder and the file. The name of a new file or folder is durable once its
// parent folder is synced.
function prepareFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  closeSync(openSync(join(folder, FILE), 'a', 0o600))
  const top = made === undefined ? folder : dirname(made)
  for (let each = folder; ; each = dirname(each)) {
    syncFolder(each)
    if (each === top) return
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function prepare(database: DatabaseSync): DatabaseSync {
  try {
    // Applies to a new file. A callback of 10 MB takes a quarter of the default pages, and of the time to write, copy
    // and remove it.
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}`)
    // SQLite takes the lock with the first statement that reads, and keeps it until the process ends in any way.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
    // In WAL mode, FULL makes every commit sync the log before it returns.
    database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    // checkpoints.ts copies the log in a separate turn of the event loop. So no single turn writes a large callback
    // twice.
    database.exec('PRAGMA wal_autocheckpoint = 0')
    const damage = database.prepare('PRAGMA quick_check(1)').get()
    if (damage?.['quick_check'] !== 'ok') throw new Damaged()
    const format = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
    if (format > FORMAT) throw new SpoolError('holds the callbacks of a newer version')
    database.exec(TABLE)
    if (database.prepare(HAS_IS_RESULT).get() === undefined) database.exec(ADD_IS_RESULT)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** The reason why a folder cannot hold the spool. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError'
  constructor(what: string, cause?: unknown) {
    super(`SPOOL_DIR ${what}`, { cause })
  }
}

class Damaged extends Error {}

const BUSY = 5
/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGED: readonly unknown[] = [11, 26]

function explain(error: unknown): unknown {
  if (error instanceof SpoolError) return error
  const { code, errcode } = error as { code?: unknown; errcode?: number }
  const primary = errcode === undefined ? undefined : errcode & 0xff
  if (primary === BUSY)
    return new SpoolError('is used by another process: each needs a folder of its own', error)
  if (error instanceof Damaged || DAMAGED.includes(primary)) {
    return new SpoolError(`holds a damaged ${FILE}: move it away, and keep it`, error)
  }
  const why = primary === undefined ? String(code) : `SQLite error ${primary}`
  return new SpoolError(`names a folder that cannot be written (${why})`, error)
}
