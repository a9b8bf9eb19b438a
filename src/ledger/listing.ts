import { type GroupFilter, groupOf, isAskedFor, readGroup } from '../core/groups/group.ts'
import type { Request, State } from '../core/request.ts'
import { readCounts } from './groups.ts'
import { readRecord } from './load.ts'
import { firstIdAt, referenceHash, type Store } from './store.ts'

/** The filter of a listing. `before` is the request id at the end of the previous page. */
export interface Query {
  readonly groups: GroupFilter
  /** Only requests that were asked for from this instant on, in ms since 1970. */
  readonly since: number | null
  /** Only requests that were asked for before this instant. */
  readonly until: number | null
  readonly reference: string | null
  /** The id of an account, as in the records. */
  readonly account: string | null
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

/** How many records one page that checks each record reads at most, and how many it reads at once. */
const MOST_SCANNED = 1000
const READ_AT_ONCE = 100

/**
 * A page of the matching requests, newest first. The groups tell which requests match, and how many. Where the list is
 * that of an account or of a reference, or where the groups are not complete yet, each record is checked.
 */
export async function listPage(store: Store, query: Query): Promise<ListPage> {
  const { groups, account, reference } = query
  if (account !== null || reference !== null) return scan(store, query)
  if (Object.values(groups).every((values) => values === null)) {
    return merge(store, query, ['requests'])
  }
  const counts = await readCounts(store)
  if (counts === null) return scan(store, query)
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
  const newest = until === null ? '+' : `(${firstIdAt(until)}`
  const oldest = since === null ? '-' : `[${firstIdAt(since)}`
  const from = before === null ? newest : `(${before}`
  const [total, next, ...records] = await scripts.mergePage(from, newest, oldest, limit, ...indexes)
  // During a rollout, a process of an older version changes requests and not their groups.
  const items = records.map(readRecord).filter((request) => isListed(request, query))
  return { items, next: next === '' ? null : next, total, partial: false }
}

async function scan({ scripts }: Store, query: Query): Promise<ListPage> {
  const index = indexOf(query)
  const items: Request[] = []
  const page = (next: string | null, partial = false) => ({ items, next, total: null, partial })
  let before = query.before
  for (let scanned = 0; scanned < MOST_SCANNED; scanned += READ_AT_ONCE) {
    const [next, ...records] = await scripts.readPage(index, 'down', before ?? '', READ_AT_ONCE)
    for (const request of records.map(readRecord)) {
      before = request.requestId
      if (isListed(request, query)) items.push(request)
      if (items.length === query.limit) return page(before)
    }
    if (next === '') return page(null)
    // Requests that were deleted meanwhile are skipped as well.
    before = next
  }
  return page(before, true)
}

/** A page of the requests in a state, or of all requests, oldest first, behind an id. */
export async function readAfter(
  { scripts }: Store,
  requestId: string | null,
  state: State | null
): Promise<Page> {
  const index = state === null ? 'requests' : `state:${state}`
  const [next, ...records] = await scripts.readPage(index, 'up', requestId ?? '', READ_AT_ONCE)
  return { items: records.map(readRecord), next: next === '' ? null : next }
}

// The narrowest index. The other filters are applied record by record.
function indexOf({ groups: { state, service }, reference, account }: Query): string {
  if (account !== null) return `account:${account}`
  if (reference !== null) return `reference:${referenceHash(reference)}`
  if (state?.length === 1) return `state:${state[0]}`
  return service?.length === 1 ? `service:${service[0]}` : 'requests'
}

function isListed(request: Request, { groups, since, until, account, reference }: Query): boolean {
  const { requestId } = request
  return (
    (account === null || request.account?.id === account) &&
    (reference === null || request.reference === reference) &&
    (since === null || requestId >= firstIdAt(since)) &&
    (until === null || requestId < firstIdAt(until)) &&
    isAskedFor(groups, readGroup(groupOf(request)))
  )
}
