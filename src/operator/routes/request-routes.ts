import type { FastifyInstance } from 'fastify'
import type { Request } from '../../core/request.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Cursors } from '../../crypto/signed-cursor.ts'
import type { RequestList } from '../../schemas/generated.ts'
import { readCursor } from '../validation.ts'
import { OperatorError } from '../problem.ts'
import { FILTERS, type ListQuery, readFilters } from '../list-query.ts'
import { LIST_QUERY } from '../query-schemas.ts'
import { answers } from '../route-schemas.ts'
import { viewOf } from '../views.ts'

export interface RequestsDeps {
  readonly catalog: Pick<Lookup, 'list' | 'find' | 'now'>
  readonly cursors: Cursors
}

type ById = { Params: { id: string } }

/** `/v1/requests`: lists requests and shows one. */
export async function requestRoutes(app: FastifyInstance, deps: RequestsDeps): Promise<void> {
  app.get<{ Querystring: ListQuery }>(
    '/requests',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'List requests, newest first',
        querystring: LIST_QUERY,
        ...answers(200, 'request-list')
      }
    },
    ({ query }) => listRequests(deps, query)
  )
  app.get<ById>(
    '/requests/:id',
    {
      config: { scope: 'read' },
      schema: { summary: 'Look at a request', ...answers(200, 'request-view') }
    },
    async ({ params }) => viewOf(await findRequest(deps, params.id))
  )
}

/** A page of the requests that match, newest first. */
export async function listRequests(
  { catalog, cursors }: RequestsDeps,
  query: ListQuery
): Promise<RequestList> {
  const { limit = 50, cursor } = query
  // Other filters make another list. A cursor of another list would skip items.
  const list = ['requests', ...FILTERS.map((name) => query[name] ?? null)]
  const before = readCursor(cursors, list, cursor)
  const now = query.olderThan === undefined ? 0 : await catalog.now()
  const asked = { ...readFilters(query, now), limit, before }
  const { items, next, total, partial } = await catalog.list(asked)
  const nextCursor = next === null ? null : cursors.make(list, next)
  return { items: items.map(viewOf), nextCursor, total, partial }
}

/** The request of that id; throws where there is none. */
export async function findRequest(
  { catalog }: { readonly catalog: Pick<Lookup, 'find'> },
  id: string
): Promise<Request> {
  const request = await catalog.find(id)
  if (request === null) throw unknownRequest()
  return request
}

export function unknownRequest(): OperatorError {
  return new OperatorError('unknown-request', 'there is no such request')
}
