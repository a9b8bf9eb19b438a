import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { cancel, retryNow } from '../core/operate.ts'
import type { State } from '../core/request.ts'
import { advance, type AdvanceDeps, type Step } from '../ledger/advance.ts'
import type { Catalog } from '../ledger/catalog.ts'
import type { RequestView } from '../schemas/generated.ts'
import { Refusal } from './problem.ts'
import { answers, LIST_QUERY } from './route-schemas.ts'
import { viewOf } from './view.ts'

export interface RequestsDeps extends AdvanceDeps {
  readonly catalog: Catalog
  readonly log: Logger
}

type ListQuery = {
  state?: State
  service?: string
  reference?: string
  limit?: number
  cursor?: string
}
type ById = { Params: { id: string } }

/** `/v1/requests`: look, list, cancel, send now. */
export async function requestRoutes(app: FastifyInstance, deps: RequestsDeps): Promise<void> {
  app.get<{ Querystring: ListQuery }>(
    '/requests',
    {
      schema: {
        summary: 'List requests, newest first',
        querystring: LIST_QUERY,
        ...answers(200, 'request-list')
      }
    },
    async ({ query }) => {
      const { state = null, service = null, reference = null, limit = 50, cursor = null } = query
      const page = await deps.catalog.list({ state, service, reference, limit, before: cursor })
      return { items: page.items.map(viewOf), nextCursor: page.next }
    }
  )
  app.get<ById>(
    '/requests/:id',
    { schema: { summary: 'Look at a request', ...answers(200, 'request-view') } },
    async ({ params }) => {
      const request = await deps.catalog.find(params.id)
      if (request === null) throw unknown()
      return viewOf(request)
    }
  )
  app.post<ById>(
    '/requests/:id/cancel',
    { schema: { summary: 'Give a request up', ...answers(200, 'request-view') } },
    ({ params, caller }) =>
      change(deps, caller, params.id, (request, { now }) => cancel(request, caller, now))
  )
  app.post<ById>(
    '/requests/:id/retry',
    { schema: { summary: 'Send a waiting request now', ...answers(200, 'request-view') } },
    ({ params, caller }) =>
      change(deps, caller, params.id, (request, { now }) => retryNow(request, caller, now))
  )
}

async function change(
  deps: RequestsDeps,
  by: string,
  requestId: string,
  step: Step
): Promise<RequestView> {
  const changed = await advance(deps, requestId, step)
  if (changed === null) throw unknown()
  const { before, after } = changed
  if (after === before) throw new Refusal(409, `the state '${before.state}' forbids it`)
  deps.log.info({ requestId, by, state: after.state }, 'request changed by an operator')
  return viewOf(after)
}

function unknown(): Refusal {
  return new Refusal(404, 'there is no such request')
}
