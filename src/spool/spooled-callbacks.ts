import type { DatabaseSync } from 'node:sqlite'

/** A callback that waits on disk until Redis can store it. */
export interface SpooledCallback {
  readonly requestId: string
  readonly attempt: number
  /** The id of the callback in the ledger, made from its attempt and its bytes. */
  readonly callbackId: string
  /** Whether the body has a content encoding. */
  readonly isEncoded: boolean
  /** Whether it is a successful result. Results of a request have limits apart from its other callbacks. */
  readonly isResult?: boolean
  /** Ms since 1970, by the clock of this machine. Only the time that has passed since then is used. */
  readonly receivedAt: number
}

/** A spooled callback with its encrypted body. */
export interface EncryptedCallback extends SpooledCallback {
  readonly sealed: Uint8Array
}

/** A row on disk. `seq` rises in the order of arrival and is never reused. */
export interface Row extends EncryptedCallback {
  readonly seq: number
}

/** The outcome of spooling a callback. `full`: no room is left. `too-many`: its request has used up its share. */
export type Spooling = 'spooled' | 'duplicate' | 'full' | 'too-many'

/** The limits of the spool. The limits of one request apply to its results and its other callbacks separately. */
export interface RowBounds {
  /** Encrypted bytes. */
  readonly mostBytes: number
  readonly mostOfRequest: number
  /** Encrypted bytes. */
  readonly mostBytesOfRequest: number
}

/** The number of rows and the sum of their encrypted bytes. */
export interface SpoolTotals {
  readonly entries: number
  readonly bytes: number
}

/** The spooled callbacks in the database. */
export interface Rows {
  /**
   * Inserts in one transaction, which is on disk when this returns. Where it throws, it has inserted no callback. A
   * callback replaces its own earlier row where that row cannot be decrypted.
   */
  insert(
    callbacks: readonly EncryptedCallback[],
    bounds: RowBounds,
    canDecrypt: (row: Row) => boolean
  ): Spooling[]
  /** Returns the oldest row after that `seq`; null where there is none. */
  next(after: number): Row | null
  remove(seq: number): void
  /** Sums up the rows of one request. */
  sumsOf(requestId: string): SpoolTotals
  oldestAt(): number | null
  sums(): SpoolTotals
}

const SELECT_SUMS =
  'SELECT count(*) AS entries, coalesce(sum(length(sealed)), 0) AS bytes FROM spooled'

/** Prepares the statements and sums up the existing rows. */
export function openRows(database: DatabaseSync): Rows {
  const statements = prepareStatements(database)
  const { select, oldest, sizeOf, removeOne } = statements
  const sumsOf = (requestId: string) => toSums(statements.sumsOf.get(requestId))
  let sums = toSums(database.prepare(SELECT_SUMS).get())

  return {
    sumsOf,
    sums: () => sums,
    oldestAt: () => (oldest.get()?.['receivedAt'] ?? null) as number | null,

    insert(callbacks, { mostBytes, mostOfRequest, mostBytesOfRequest }, canDecrypt) {
      const after = { ...sums }
      const take = (callback: EncryptedCallback): Spooling => {
        const same = toRow(statements.same(callback))
        if (same !== null && canDecrypt(same)) return 'duplicate'
        const entries = same === null ? 1 : 0
        const bytes = callback.sealed.length - (same?.sealed.length ?? 0)
        const its = toSums(statements.sumsOfKind(callback))
        if (its.entries + entries > mostOfRequest) return 'too-many'
        if (its.bytes + bytes > mostBytesOfRequest) return 'too-many'
        if (after.bytes + bytes > mostBytes) return 'full'
        statements.insert(callback)
        after.entries += entries
        after.bytes += bytes
        return 'spooled'
      }
      const taken = inTransaction(database, () => callbacks.map(take))
      sums = after
      return taken
    },

    next: (after) => toRow(select.get(after)),

    remove(seq) {
      const size = Number(sizeOf.get(seq)?.['size'] ?? 0)
      // `run` throws where the disk refuses the commit. `get` would not.
      const { changes } = removeOne.run(seq)
      sums = { entries: sums.entries - Number(changes), bytes: sums.bytes - size }
    }
  }
}

function prepareStatements(database: DatabaseSync) {
  const same = database.prepare(
    'SELECT * FROM spooled WHERE requestId = ? AND callbackId = ? AND isEncoded = ?'
  )
  const insertOne = database.prepare(
    `INSERT OR REPLACE INTO spooled
       (requestId, attempt, callbackId, isEncoded, isResult, receivedAt, sealed)
     VALUES (?, ?, ?, ?, ?, ?, ?)`
  )
  const sumsOfKind = database.prepare(`${SELECT_SUMS} WHERE requestId = ? AND isResult = ?`)
  return {
    select: database.prepare('SELECT * FROM spooled WHERE seq > ? ORDER BY seq LIMIT 1'),
    oldest: database.prepare('SELECT receivedAt FROM spooled ORDER BY seq LIMIT 1'),
    sumsOf: database.prepare(`${SELECT_SUMS} WHERE requestId = ?`),
    sumsOfKind: ({ requestId, isResult = false }: EncryptedCallback) =>
      sumsOfKind.get(requestId, Number(isResult)),
    sizeOf: database.prepare('SELECT length(sealed) AS size FROM spooled WHERE seq = ?'),
    removeOne: database.prepare('DELETE FROM spooled WHERE seq = ?'),
    same: ({ requestId, callbackId, isEncoded }: EncryptedCallback) =>
      same.get(requestId, callbackId, Number(isEncoded)),
    insert({ requestId, attempt, callbackId, receivedAt, sealed, ...is }: EncryptedCallback) {
      const flags = [Number(is.isEncoded), Number(is.isResult ?? false)]
      return insertOne.run(requestId, attempt, callbackId, ...flags, receivedAt, sealed)
    }
  }
}

function toRow(row: Record<string, unknown> | undefined): Row | null {
  if (row === undefined) return null
  const [isEncoded, isResult] = [row['isEncoded'] === 1, row['isResult'] === 1]
  return { ...row, isEncoded, isResult } as unknown as Row
}

function toSums(sums: Record<string, unknown> | undefined): SpoolTotals {
  return { entries: Number(sums?.['entries']), bytes: Number(sums?.['bytes']) }
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const done = work()
    database.exec('COMMIT')
    return done
  } catch (error) {
    // A full disk may have ended the transaction already.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
