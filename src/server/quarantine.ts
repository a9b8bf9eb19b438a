import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { readEnvelope } from '../core/envelope.ts'
import { lateResultOf } from '../core/publish.ts'
import { isOpen, type Request } from '../core/request.ts'
import { advance, type AdvanceDeps } from '../ledger/advance.ts'
import type { Catalog } from '../ledger/catalog.ts'
import { callbackId } from '../ledger/ledger.ts'
import type { Quarantined, Quarantine } from '../ledger/quarantine.ts'
import type { KhipuEnvelope, QuarantineEntry } from '../schemas/generated.ts'
import { parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'
import type { RequestJobs } from '../queue/jobs.ts'
import { Refusal } from './problem.ts'
import { answers, PAGE_QUERY } from './route-schemas.ts'
import { quarantineViewOf } from './view.ts'

export interface QuarantineDeps extends AdvanceDeps {
  readonly catalog: Catalog
  readonly quarantine: Quarantine
  readonly jobs: RequestJobs
  readonly log: Logger
}

type ById = { Params: { id: string } }

/** `/v1/quarantine`: look at what was kept, validate it again and let it through, or discard it. */
export async function quarantineRoutes(app: FastifyInstance, deps: QuarantineDeps): Promise<void> {
  app.get<{ Querystring: { limit?: number; cursor?: string } }>(
    '/quarantine',
    {
      schema: {
        summary: 'List kept bodies, newest first',
        querystring: PAGE_QUERY,
        ...answers(200, 'quarantine-list')
      }
    },
    async ({ query: { limit = 50, cursor = '0' } }) => {
      const offset = Number(cursor)
      const items = await deps.quarantine.list(offset, limit)
      const nextCursor = items.length < limit ? null : String(offset + limit)
      return { items: items.map((kept) => quarantineViewOf(kept)), nextCursor }
    }
  )
  app.get<ById>(
    '/quarantine/:id',
    { schema: { summary: 'Look at a kept body', ...answers(200, 'quarantine-entry') } },
    async ({ params }) => {
      const kept = await find(deps, params.id)
      return quarantineViewOf(kept, await deps.quarantine.open(kept))
    }
  )
  app.post<ById>(
    '/quarantine/:id/accept',
    { schema: { summary: 'Validate again and let through', ...answers(200, 'quarantine-entry') } },
    async ({ params, caller }) => {
      const kept = await find(deps, params.id)
      await accept(deps, kept)
      deps.log.info(
        { by: caller, quarantineId: params.id, requestId: kept.requestId },
        'quarantine accepted'
      )
      return quarantineViewOf(kept) satisfies QuarantineEntry
    }
  )
  app.delete<ById>(
    '/quarantine/:id',
    { schema: { summary: 'Discard a kept body' } },
    async ({ params, caller }, reply) => {
      if (!(await deps.quarantine.discard(params.id))) throw unknown()
      deps.log.info({ by: caller, quarantineId: params.id }, 'quarantine discarded')
      return reply.code(204).send()
    }
  )
}

async function find(deps: QuarantineDeps, id: string): Promise<Quarantined> {
  const kept = await deps.quarantine.find(id)
  if (kept === null) throw unknown()
  return kept
}

/** An open request takes the body as a callback; one that failed gets the one extra result that there can be. */
async function accept(deps: QuarantineDeps, kept: Quarantined): Promise<void> {
  const body = await deps.quarantine.open(kept)
  const request = await deps.catalog.find(kept.requestId)
  if (body === null || request === null) throw new Refusal(409, 'its request is no longer known')
  const envelope = validate(body)
  if (isOpen(request)) await receiveAgain(deps, kept, envelope, body)
  else await publishLate(deps, request, kept, envelope)
  await deps.quarantine.discard(kept.quarantineId)
}

function validate(body: Buffer): KhipuEnvelope {
  const parsed = parseJson(body)
  const invalid = 'the body is still not an envelope'
  if (!parsed.ok) throw new Refusal(422, invalid, [{ path: '', ...parsed.fault }])
  const checked = check('khipu-envelope', parsed.value, { list: 'first' })
  if (!checked.valid) throw new Refusal(422, invalid, checked.faults)
  return checked.value
}

async function receiveAgain(
  deps: QuarantineDeps,
  { requestId, attempt }: Quarantined,
  envelope: KhipuEnvelope,
  body: Buffer
): Promise<void> {
  const id = callbackId(attempt, body)
  const outcome = readEnvelope(envelope)
  const callback = { id, attempt, size: body.length, outcome, httpStatus: null }
  const received = await deps.ledger.receive(requestId, callback, body)
  if (received !== 'accepted') throw new Refusal(409, 'its request has seen this body already')
  await advance(deps, requestId, (request) => request)
}

async function publishLate(
  deps: QuarantineDeps,
  request: Request,
  { receivedAt }: Quarantined,
  envelope: KhipuEnvelope
): Promise<void> {
  if (request.state === 'delivered') throw new Refusal(409, 'its request was delivered already')
  const outcome = readEnvelope(envelope)
  if (outcome.type !== 'result')
    throw new Refusal(409, 'it holds no result, and its request has ended')
  await deps.jobs.publishLate(lateResultOf(request, outcome, receivedAt, envelope))
}

function unknown(): Refusal {
  return new Refusal(404, 'there is no such quarantine entry')
}
