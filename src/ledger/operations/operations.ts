import type { Operation } from '../../core/operations/operation.ts'
import type { Store } from '../store.ts'

/** An operation, and when a worker carries it on; null once it has ended. */
export interface Stored {
  readonly operation: Operation
  readonly nextAt: number | null
}

/** An operation that this process is to carry on for now. No other process does before its lease has expired. */
export interface Claimed {
  readonly operation: Operation
  /** Redis's clock. */
  readonly now: number
}

export interface ChangeOptions {
  /** In how many ms it is carried on, unless it has ended. */
  readonly afterMs?: number
  /** Requests that it has changed. */
  readonly items?: readonly string[]
}

/** How many of the requests that an operation has changed have become what. */
export type Outcomes = Readonly<Record<'open' | 'delivered' | 'failed' | 'parkedAgain', number>>

/** The records of operations. Each changes by compare-and-set. */
export interface Operations {
  /**
   * Writes a new operation, to be carried on after so many ms, in the place of the releases that it begins. False if
   * its id exists already.
   */
  create(
    operation: Operation,
    afterMs: number,
    releases?: readonly { readonly member: string }[]
  ): Promise<boolean>
  find(id: string): Promise<Stored | null>
  /** Applies a pure change to the record as it is; null if there is no such operation. */
  change(
    id: string,
    change: (operation: Operation) => Operation,
    options?: ChangeOptions
  ): Promise<Operation | null>
  /** An operation that is due, this one or any. */
  claim(id?: string): Promise<Claimed | null>
  /** The operations before an id, newest first, and the id behind which the next page starts. */
  list(before: string | null, limit: number): Promise<OperationPage>
  /** The ids that it has changed, so many at most; null if there is no such operation. */
  items(id: string, limit: number): Promise<readonly string[] | null>
  /** Some requests that it has changed and whose outcome is unknown. */
  openItems(id: string, limit: number): Promise<readonly string[]>
  /** Records outcomes that became known. Returns how many there are of each. */
  settleItems(id: string, outcomes: ReadonlyMap<string, Outcome>): Promise<Outcomes>
}

export interface OperationPage {
  readonly items: readonly Stored[]
  readonly next: string | null
}

export type Outcome = Exclude<keyof Outcomes, 'open'>

/** The scores of items. */
const SCORES: Readonly<Record<Outcome, number>> = { delivered: 1, failed: 2, parkedAgain: 3 }

export const LEASE_MS = 30_000
export const KEPT_MS = 30 * 24 * 3_600_000
/** Each notification is an operation. Beyond so many the oldest that has ended is deleted. */
const MOST_KEPT = 10_000

export function createOperations(store: Store): Operations {
  const { redis, key, scripts } = store
  return {
    async create(operation, afterMs, releases = []) {
      const after = operation.endedAt === null ? afterMs : ''
      const record = JSON.stringify(operation)
      const limits = [KEPT_MS, MOST_KEPT]
      const begun = releases.map(({ member }) => member)
      const { id } = operation
      return (await scripts.createOperation(id, record, after, ...limits, ...begun)) === 1
    },

    find: (id) => findOperation(store, id),

    change: (id, change, options) => changeOperation(store, id, change, options),

    async claim(id = '') {
      const claimed = await scripts.claimOperation(LEASE_MS, id)
      if (claimed === null) return null
      const [, , record, now] = claimed
      return { operation: JSON.parse(record) as Operation, now }
    },

    async list(before, limit) {
      const from = before === null ? '+' : `(${before}`
      const ids = await redis.zrevrangebylex(key('bulks'), from, '-', 'LIMIT', 0, limit)
      const found = await Promise.all(ids.map((id) => findOperation(store, id)))
      const next = ids.length < limit ? null : (ids.at(-1) ?? null)
      return { items: found.filter((one) => one !== null), next }
    },

    async items(id, limit) {
      const [exists, ids] = await Promise.all([
        redis.exists(key('bulk', id)),
        redis.zrange(key('bulk', `${id}:items`), '0', `${limit - 1}`)
      ])
      return exists === 1 ? ids : null
    },

    async openItems(id, limit) {
      return redis.zrangebyscore(key('bulk', `${id}:items`), 0, 0, 'LIMIT', 0, limit)
    },

    async settleItems(id, outcomes) {
      const scored = [...outcomes].flatMap(([item, outcome]) => [item, SCORES[outcome]])
      const [open, delivered, failed, parkedAgain] = await scripts.settleItems(id, ...scored)
      return { open, delivered, failed, parkedAgain }
    }
  }
}

async function findOperation({ redis, key }: Store, id: string): Promise<Stored | null> {
  const [record, score] = await Promise.all([
    redis.hget(key('bulk', id), 'record'),
    redis.zscore(key('operating'), id)
  ])
  if (record === null) return null
  return {
    operation: JSON.parse(record) as Operation,
    nextAt: score === null ? null : Number(score)
  }
}

async function changeOperation(
  { redis, key, scripts }: Store,
  id: string,
  change: (operation: Operation) => Operation,
  { afterMs = LEASE_MS, items = [] }: ChangeOptions = {}
): Promise<Operation | null> {
  for (;;) {
    const [version, record] = await redis.hmget(key('bulk', id), 'version', 'record')
    if (version === null || version === undefined || !record) return null
    const changed = change(JSON.parse(record) as Operation)
    const after = changed.endedAt === null ? afterMs : ''
    const next = JSON.stringify(changed)
    const done = await scripts.changeOperation(id, version, next, after, KEPT_MS, ...items)
    if (done === 1) return changed
  }
}
