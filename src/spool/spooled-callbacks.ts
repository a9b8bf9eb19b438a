import type { DatabaseSync } from 'node:sqlite'

/** A callback that waits on disk until Redis can store it. */
export interface SpooledCallback {
  readonly requestId: string
  readonly attempt: number
  /** The ledger's id of these bytes on that attempt. */
  readonly callbackId: string
  /** Whether it came with a content encoding. */
  readonly isEncoded: boolean
  /** Whether it is a good result: those of a request are bounded apart from all else that comes for it. */
  readonly isResult?: boolean
  /** By this machine's clock, ms since 1970: only what has passed since then counts. */
  readonly receivedAt: number
}

/** One as it is on disk. */
export interface EncryptedCallback extends SpooledCallback {
  readonly sealed: Uint8Array
}

/** One that is on disk; `seq` rises with the order in which they came, and none is used twice. */
export interface Row extends EncryptedCallback {
  readonly seq: number
}

/** What became of a callback. `full`: there is no room; `too-many`: the request has too many of them. */
export type Spooling = 'spooled' | 'duplicate' | 'full' | 'too-many'

/** What the rows are bounded by: those of one request, its results and the others apart. */
export interface RowBounds {
  /** Sealed bytes. */
  readonly mostBytes: number
  readonly mostOfRequest: number
  /** Sealed bytes. */
  readonly mostBytesOfRequest: number
}

/** How many there are, and how many sealed bytes they have in all. */
export interface SpoolTotals {
  readonly entries: number
  readonly bytes: number
}

/** The rows of the database. */
export interface Rows {
  /**
   * In one transaction, on disk when it returns: all of them, or none where it throws. The same callback takes the
   * place of one that can't be opened.
   */
  insert(
    callbacks: readonly EncryptedCallback[],
    bounds: RowBounds,
    canDecrypt: (row: Row) => boolean
  ): Spooling[]
  /** The oldest after that one; null where there is none. */
  next(after: number): Row | null
  remove(seq: number): void
  /** Those of one request. */
  sumsOf(requestId: string): SpoolTotals
  oldestAt(): number | null
  sums(): SpoolTotals
}

const SELECT_SUMS =
  'SELECT count(*) AS entries, coalesce(sum(length(sealed)), 0) AS bytes FROM spooled'

/** Prepares the statements, and adds up what is there. */
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
      // By run, which tells when the disk has refused the commit: get would not.
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
    // A full disk may have ended it already.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
