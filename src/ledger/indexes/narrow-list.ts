import type { Request } from '../../core/request.ts'
import { readRecord } from '../load.ts'
import type { Store } from '../store.ts'
import { bucketOf } from './names.ts'

/** Some requests of an index behind an id, newest first. */
export interface Batch {
  readonly items: readonly Request[]
  /** The id behind which the next ones are; null if there are none. */
  readonly next: string | null
  /** Whether the index has more than it may read. */
  readonly isCut?: boolean
}

/** What leads to a few requests, by an index of its own. */
export type Narrow =
  /** The id of an account, as in the records. */
  | { readonly by: 'account'; readonly value: string }
  | { readonly by: 'reference'; readonly value: string }
  | { readonly by: 'referencePrefix'; readonly value: string }
  /** Khipu's id of an operation that one of its attempts began. */
  | { readonly by: 'operationId'; readonly value: string }

/** How many records one page that checks each record reads at most, and how many it reads at once. */
export const MOST_SCANNED = 1000
export const READ_AT_ONCE = 100

/** How many references one page looks through; one with more such prefixes is incomplete. */
const MOST_REFERENCES = 10_000

/** Reads the requests that an index names, newest first, behind an id. */
export function createNarrowReader(
  store: Store,
  { by, value }: Narrow
): (behind: string | null) => Promise<Batch> {
  if (by === 'account') return (behind) => readIndex(store, `account:${value}`, behind)
  if (by === 'operationId') return async () => readOperation(store, value)
  const text = Buffer.from(value.toWellFormed())
  const end = by === 'reference' ? [0] : []
  const bounds = [
    Buffer.from([...Buffer.from('['), ...text, ...end]),
    // Above each byte that a reference may begin with. No UTF-8 has it.
    Buffer.from([...Buffer.from('('), ...text, ...end, 0xff])
  ] as const
  return (behind) => readReferences(store, bounds, behind)
}

/** Reads the requests of an index by id. */
export async function readIndex(
  { scripts }: Store,
  index: string,
  behind: string | null
): Promise<Batch> {
  const from = behind === null ? '+' : `(${behind}`
  const [, next, ...records] = await scripts.mergePage('down', from, '+', '-', READ_AT_ONCE, index)
  return { items: records.map(readRecord), next: next === '' ? null : next }
}

async function readReferences(
  store: Store,
  [lowest, highest]: readonly [Uint8Array, Uint8Array],
  behind: string | null
): Promise<Batch> {
  const most = [behind ?? '', MOST_REFERENCES, READ_AT_ONCE] as const
  const [isCut, ...ids] = await store.scripts.findReferences(lowest, highest, ...most)
  const next = ids.length < READ_AT_ONCE ? null : (ids.at(-1) ?? null)
  return { items: await readRequests(store, ids), next, isCut: isCut === 1 }
}

async function readOperation(store: Store, operationId: string): Promise<Batch> {
  const { redis, key } = store
  const id = await redis.hget(key('operations', bucketOf(operationId)), operationId)
  return { items: await readRequests(store, id === null ? [] : [id]), next: null }
}

async function readRequests({ redis, key }: Store, ids: readonly string[]) {
  const records = await Promise.all(ids.map((id) => redis.hget(key('request', id), 'record')))
  return records.flatMap((record) => (record === null ? [] : [readRecord(record)]))
}
