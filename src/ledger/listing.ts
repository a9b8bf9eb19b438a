import { type GroupFilter, groupOf, isAskedFor, readGroup } from '../core/groups/group.ts'
import type { Request } from '../core/request.ts'
import { readCounts } from './groups.ts'
import {
  type Batch,
  createNarrowReader,
  MOST_SCANNED,
  type Narrow,
  READ_AT_ONCE,
  readIndex
} from './indexes/narrow-list.ts'
import { readRecord } from './load.ts'
import { boundsBetween, firstIdAt, type Store } from './store.ts'

/** The filter of a listing. Instants are ms since 1970; null is no filter. */
export interface Query {
  readonly groups: GroupFilter
  /** Only requests that were asked for from this instant on. */
  readonly since: number | null
  /** Only requests that were asked for before this instant. */
  readonly until: number | null
  readonly narrow: Narrow | null
  /** The id of the request at the end of the previous page. */
  readonly before: string | null
  readonly limit: number
}

export interface Page {
  readonly items: readonly Request[]
  /** The id after which the next page starts; null on the last page. */
  readonly next: string | null
}

export interface ListPage extends Page {
  /** How many requests match, on all pages; null where only their records could tell. */
  readonly total: number | null
  /** Whether the page is short because it has read as many records as it may. */
  readonly partial: boolean
}

/**
 * A page of the matching requests, newest first. The groups tell which requests match, and how many. Where a narrower
 * index leads, or where the groups are not complete yet, each record is checked.
 */
export async function listPage(store: Store, query: Query): Promise<ListPage> {
  const { groups, narrow } = query
  if (narrow !== null) return scan(createNarrowReader(store, narrow), query)
  if (Object.values(groups).every((values) => values === null)) {
    return merge(store, query, ['requests'])
  }
  const counts = await readCounts(store)
  if (counts === null) return scan((behind) => readIndex(store, 'requests', behind), query)
  const names = [...counts.keys()].filter((name) => isAskedFor(groups, readGroup(name)))
  if (names.length === 0) return { items: [], next: null, total: 0, partial: false }
  return merge(
    store,
    query,
    names.map((name) => `group:${name}`)
  )
}

async function merge(
  { scripts }: Store,
  query: Query,
  indexes: readonly string[]
): Promise<ListPage> {
  const { since, until, before, limit } = query
  const [oldest, newest] = boundsBetween(since, until)
  const from = before === null ? newest : `(${before}`
  const reply = await scripts.mergePage('down', from, newest, oldest, limit, ...indexes)
  const [total, next, ...records] = reply
  // During a rollout, a process of an older version changes requests and not their groups.
  const items = records.map(readRecord).filter((request) => isListed(request, query))
  return { items, next: next === '' ? null : next, total, partial: false }
}

async function scan(
  read: (behind: string | null) => Promise<Batch>,
  query: Query
): Promise<ListPage> {
  const items: Request[] = []
  const page = (next: string | null, partial = false) => ({ items, next, total: null, partial })
  let before = query.before
  for (let scanned = 0; scanned < MOST_SCANNED; scanned += READ_AT_ONCE) {
    const batch = await read(before)
    for (const request of batch.items) {
      before = request.requestId
      if (isListed(request, query)) items.push(request)
      if (items.length === query.limit) return page(before, batch.isCut)
    }
    if (batch.next === null) return page(null, batch.isCut)
    // Requests that were deleted meanwhile are skipped as well.
    before = batch.next
  }
  return page(before, true)
}

/** A page of the matching requests among some ids, newest first. */
export async function listAmong(
  ids: readonly string[],
  find: (id: string) => Promise<Request | null>,
  query: Query
): Promise<ListPage> {
  const sorted = ids.toSorted((one, other) => (one < other ? 1 : -1))
  return scan(async (behind) => {
    const some = sorted.filter((id) => behind === null || id < behind).slice(0, READ_AT_ONCE)
    const items = (await Promise.all(some.map(find))).filter((one) => one !== null)
    return { items, next: some.length < READ_AT_ONCE ? null : (some.at(-1) ?? null) }
  }, query)
}

/** A page of all requests, oldest first, behind an id. */
export async function readAfter({ scripts }: Store, requestId: string | null): Promise<Page> {
  const from = requestId === null ? '-' : `(${requestId}`
  const reply = await scripts.mergePage('up', from, '+', '-', READ_AT_ONCE, 'requests')
  const [, next, ...records] = reply
  return { items: records.map(readRecord), next: next === '' ? null : next }
}

function isListed(request: Request, { groups, since, until, narrow }: Query): boolean {
  const { requestId } = request
  return (
    (narrow === null || isNamed(request, narrow)) &&
    (since === null || requestId >= firstIdAt(since)) &&
    (until === null || requestId < firstIdAt(until)) &&
    isAskedFor(groups, readGroup(groupOf(request)))
  )
}

/** An index may name a request that it has no more: only the record tells. */
function isNamed({ account, reference }: Request, { by, value }: Narrow): boolean {
  if (by === 'account') return account?.id === value
  if (by === 'reference') return reference === value
  return by === 'operationId' || (reference?.startsWith(value) ?? false)
}
