import type { FastifyInstance } from 'fastify'
import { waitsForAccount } from '../../core/can-send.ts'
import { waitsForProbe } from '../../core/probe.ts'
import type { Request } from '../../core/request.ts'
import type { DuePlace } from '../../ledger/indexes/due-list.ts'
import { listAmong, type ListPage, type Query } from '../../ledger/listing.ts'
import type { Operations } from '../../ledger/operations/operations.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Cursors } from '../../crypto/signed-cursor.ts'
import type { RequestList, RequestView } from '../../schemas/generated.ts'
import { readCursor } from '../validation.ts'
import { OperatorError } from '../problem.ts'
import { isByDue, type ListQuery, readDueFilters, readFilters } from '../list-query.ts'
import { LIST_QUERY } from '../query-schemas.ts'
import { answers, REQUEST_ID } from '../route-schemas.ts'
import { viewOf, withoutHistory } from '../views.ts'

export interface RequestsDeps {
  readonly catalog: Pick<Lookup, 'list' | 'listByDue' | 'find' | 'now' | 'ahead' | 'indexed'>
  readonly operations: Pick<Operations, 'items'>
  readonly cursors: Cursors
}

type ById = { Params: { id: string } }

/** `/v1/requests`: lists requests and shows one. */
export async function requestRoutes(app: FastifyInstance, deps: RequestsDeps): Promise<void> {
  app.get<{ Querystring: ListQuery }>(
    '/requests',
    {
      config: {
        scope: 'read',
        problems: ['unknown-cursor', 'filter-not-supported', 'unknown-operation']
      },
      schema: {
        operationId: 'listRequests',
        summary: 'List requests, newest first',
        tags: ['requests'],
        querystring: LIST_QUERY,
        ...answers(200, 'request-list')
      }
    },
    ({ query }) => listRequests(deps, query)
  )
  app.get<ById>(
    '/requests/:id',
    {
      config: { scope: 'read', problems: ['unknown-request'] },
      schema: {
        operationId: 'getRequest',
        summary: 'Look at a request',
        tags: ['requests'],
        params: REQUEST_ID,
        ...answers(200, 'request-view')
      }
    },
    ({ params }) => findRequest(deps, params.id)
  )
}

/** A page of the views that a query asks for. */
export async function listRequests(deps: RequestsDeps, query: ListQuery): Promise<RequestList> {
  const { items, ...page } = await (isByDue(query) ? listDue : listNewest)(deps, query)
  const views = await Promise.all(items.map((request) => viewInLedger(deps, request)))
  return { items: query.fields === 'summary' ? views.map(withoutHistory) : views, ...page }
}

/** The view of a request; throws where there is none of that id. */
export async function findRequest(
  deps: { readonly catalog: Pick<Lookup, 'find' | 'ahead'> },
  id: string
): Promise<RequestView> {
  const request = await deps.catalog.find(id)
  if (request === null) throw unknownRequest()
  return viewInLedger(deps, request)
}

type Listed = Omit<RequestList, 'items'> & { readonly items: readonly Request[] }

/** A page of the requests that a query asks for, newest first. */
export async function listNewest(
  deps: Pick<RequestsDeps, 'catalog' | 'cursors' | 'operations'>,
  query: ListQuery
): Promise<Listed> {
  const { catalog, cursors } = deps
  const list = ['requests']
  const before = readCursor(cursors, list, query.cursor)
  const now = query.olderThan === undefined ? 0 : await catalog.now()
  const asked = { ...readFilters(query, now), limit: query.limit ?? 50, before }
  const { items, next, total, partial } =
    query.operation === undefined
      ? await catalog.list(asked)
      : await listOfOperation(deps, query.operation, asked)
  const nextCursor = next === null ? null : cursors.make(list, next)
  const isNarrow = asked.narrow !== null || query.operation !== undefined
  if (total !== null || isNarrow) return { items, nextCursor, total, partial }
  return { items, nextCursor, total, partial, indexing: await catalog.indexed() }
}

/** How many requests of an operation one page looks through. */
const MOST_ITEMS = 10_000

async function listOfOperation(
  { catalog, operations }: Pick<RequestsDeps, 'catalog' | 'operations'>,
  operation: string,
  asked: Query
): Promise<ListPage> {
  const ids = await operations.items(operation, MOST_ITEMS)
  if (ids === null) throw new OperatorError('unknown-operation', 'there is no such operation')
  const page = await listAmong(ids, (id) => catalog.find(id), asked)
  return { ...page, partial: page.partial || ids.length === MOST_ITEMS }
}

/** A page of the live requests that a query asks for, those whose next step is due first. */
async function listDue(
  { catalog, cursors }: Pick<RequestsDeps, 'catalog' | 'cursors'>,
  query: ListQuery
): Promise<Listed> {
  const list = ['requests by due']
  const behind = readPlace(readCursor(cursors, list, query.cursor))
  const filters = readDueFilters(query)
  const page = await catalog.listByDue({ ...filters, limit: query.limit ?? 50, behind })
  const { next, partial } = page
  const nextCursor =
    next === null ? null : cursors.make(list, JSON.stringify([next.instant, next.requestId]))
  return { items: page.items.map(({ request }) => request), nextCursor, total: null, partial }
}

function readPlace(position: string | null): DuePlace | null {
  if (position === null) return null
  const [instant, requestId] = JSON.parse(position) as [number, string]
  return { instant, requestId }
}

/** The view of a request, with the request that goes before it. */
export async function viewInLedger(
  { catalog }: { readonly catalog: Pick<Lookup, 'ahead'> },
  request: Request
): Promise<RequestView> {
  return viewOf(request, await blockerOf(catalog, request))
}

/** The id of the request that goes before another; null where none does. */
export async function blockerOf(
  catalog: Pick<Lookup, 'ahead'>,
  request: Request
): Promise<string | null> {
  const waits = waitsForAccount(request) || waitsForProbe(request)
  return waits ? catalog.ahead(request.requestId) : null
}

export function unknownRequest(): OperatorError {
  return new OperatorError('unknown-request', 'there is no such request')
}
