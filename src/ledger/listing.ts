import type { Request, State } from '../core/request.ts'
import { readRecord } from './load.ts'
import { referenceHash, type Store } from './store.ts'

/** The filter of a listing. `before` is the request id at the end of the previous page. */
export interface Query {
  readonly state: State | null
  readonly service: string | null
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

/** How many records one filtered page examines at most, and how many it reads at once. */
const MOST_SCANNED = 1000
const READ_AT_ONCE = 100

/** A page of the matching requests, newest first. */
export async function listPage({ scripts }: Store, query: Query): Promise<Page> {
  const index = indexOf(query)
  const items: Request[] = []
  let before = query.before
  for (let scanned = 0; scanned < MOST_SCANNED; scanned += READ_AT_ONCE) {
    const [next, ...records] = await scripts.readPage(index, 'down', before ?? '', READ_AT_ONCE)
    for (const request of records.map(readRecord)) {
      before = request.requestId
      if (isAskedFor(request, query)) items.push(request)
      if (items.length === query.limit) return { items, next: before }
    }
    if (next === '') return { items, next: null }
    // Requests that were deleted meanwhile are skipped as well.
    before = next
  }
  return { items, next: before }
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
function indexOf({ state, service, reference, account }: Query): string {
  if (account !== null) return `account:${account}`
  if (reference !== null) return `reference:${referenceHash(reference)}`
  if (state !== null) return `state:${state}`
  return service === null ? 'requests' : `service:${service}`
}

function isAskedFor(request: Request, query: Query): boolean {
  const { state, service, reference, account } = query
  return (
    (account === null || request.account?.id === account) &&
    (state === null || request.state === state) &&
    (service === null || request.service === service) &&
    (reference === null || request.reference === reference)
  )
}
