import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

const FILE = 'callbacks.sqlite'
/** `PRAGMA user_version` of a file that this version has made. */
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

// Files of the first days lack it. Older versions read a file that has it, and what they add counts as no result.
const ADD_IS_RESULT = 'ALTER TABLE spooled ADD COLUMN isResult INTEGER NOT NULL DEFAULT 0'
const HAS_IS_RESULT = "SELECT 1 FROM pragma_table_info('spooled') WHERE name = 'isResult'"

/**
 * Opens, or makes, the one database of a folder, for this process alone. A commit is on disk when it
 * returns. Throws, naming SPOOL_DIR, where the folder can't be written, where another process has it, and
 * where the file is damaged: that is left as it is, for somebody to look at.
 */
export function openDatabase(folder: string): DatabaseSync {
  try {
    prepareFolder(resolve(folder))
    // Not before it is needed: Node 22 warns that its SQLite is an experiment; on Node 24 it is none any more.
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
    return prepare(new DatabaseSync(join(folder, FILE)))
  } catch (error) {
    throw explain(error)
  }
}

// Whoever may not read Redis may not read this either. A new name is on disk once its folder is.
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
    // Of a new file: a callback of 10 MB is written, copied and removed in a quarter of the pages, and of the time.
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}`)
    // The lock is taken with the first statement that reads, and kept until the process ends, however it does.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
    // In WAL mode: every commit syncs the log before it returns.
    database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    // The log is copied in a turn of its own (checkpoints.ts): a large callback is not written twice in one.
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

/** Why a folder can't be the spool. */
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
