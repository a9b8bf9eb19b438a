import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Cursors } from '../../crypto/signed-cursor.ts'
import type { Quarantine, Quarantined } from '../../ledger/quarantine/quarantine.ts'
import { readPlace, writePlace } from '../../ledger/quarantine/quarantine-page.ts'
import type { AcceptBody, QuarantineEntry } from '../../schemas/generated.ts'
import { acceptQuarantined, type AcceptDeps, noteOperator } from '../accept-quarantined.ts'
import { readCursor } from '../validation.ts'
import { OperatorError, type ProblemCode } from '../problem.ts'
import { instantOf } from '../list-query.ts'
import { QUARANTINE_QUERY } from '../query-schemas.ts'
import { answers, QUARANTINE_ID, ref } from '../route-schemas.ts'
import type { Show } from '../show-body.ts'
import { quarantineViewOf } from '../views.ts'

export interface QuarantineDeps {
  readonly accept: AcceptDeps
  readonly quarantine: Quarantine
  readonly cursors: Cursors
  readonly show: Show
  readonly log: Logger
}

/** The list that the cursors are bound to. */
const LIST = ['quarantine'] as const

interface QuarantineQuery {
  readonly kind?: string
  readonly requestId?: string
  readonly since?: string
  readonly limit?: number
  readonly cursor?: string
}

type ById = { Params: { id: string } }

const ONE = { tags: ['quarantine'], params: QUARANTINE_ID } as const

/** Why a kept body can not be accepted. */
const REFUSED: readonly ProblemCode[] = [
  'unknown-quarantine-entry',
  'request-gone',
  'request-delivered',
  'request-ended',
  'body-known',
  'attempt-answered',
  'late-result-known',
  'body-not-acceptable'
]

/** `/v1/quarantine`: lists and shows quarantined bodies, validates and accepts one again, or discards it. */
export async function quarantineRoutes(app: FastifyInstance, deps: QuarantineDeps): Promise<void> {
  listRoute(app, deps)
  oneRoute(app, deps)
  app.post<ById & { Body: AcceptBody }>(
    '/quarantine/:id/accept',
    {
      config: { bodyMayBeAbsent: true, audit: 'quarantine-accepted', problems: REFUSED },
      schema: {
        operationId: 'acceptQuarantined',
        ...ONE,
        summary: 'Validate again and let through',
        body: ref('accept-body'),
        ...answers(200, 'quarantine-entry')
      }
    },
    async (request) => {
      const { params, body, caller: by } = request
      const [{ id }, { force = false }] = [params, body]
      const kept = await find(deps, id)
      if (force) request.audited = { detail: 'although it violates the schema' }
      await acceptQuarantined(deps.accept, kept, by, force)
      const { requestId } = kept
      deps.log.info({ by, quarantineId: id, requestId, force }, 'quarantine accepted')
      return quarantineViewOf(kept) satisfies QuarantineEntry
    }
  )
  discardRoute(app, deps)
}

function discardRoute(app: FastifyInstance, deps: QuarantineDeps): void {
  app.delete<ById>(
    '/quarantine/:id',
    {
      config: { audit: 'quarantine-discarded', problems: ['unknown-quarantine-entry'] },
      schema: {
        operationId: 'discardQuarantined',
        summary: 'Discard a kept body',
        ...ONE,
        response: { 204: { type: 'null', description: 'It is gone' } }
      }
    },
    async ({ params, caller }, reply) => {
      const kept = await find(deps, params.id)
      if (!(await deps.quarantine.discard(params.id))) throw unknown()
      await noteOperator(deps.accept, kept, 'quarantine-discarded', caller)
      deps.log.info({ by: caller, quarantineId: params.id }, 'quarantine discarded')
      return reply.code(204).send()
    }
  )
}

function listRoute(app: FastifyInstance, deps: QuarantineDeps): void {
  app.get<{ Querystring: QuarantineQuery }>(
    '/quarantine',
    {
      config: { scope: 'read', problems: ['unknown-cursor'] },
      schema: {
        operationId: 'listQuarantine',
        summary: 'List kept bodies, newest first',
        tags: ['quarantine'],
        querystring: QUARANTINE_QUERY,
        ...answers(200, 'quarantine-list')
      }
    },
    async ({ query }) => {
      const { limit = 50, cursor, kind, requestId = null } = query
      const position = readCursor(deps.cursors, LIST, cursor)
      const behind = position === null ? null : readPlace(position)
      // One more entry than is shown, to find out whether there is another page.
      const kinds = kind?.split(',') ?? null
      const filter = { kinds, requestId, since: instantOf('since', query.since) }
      const kept = await deps.quarantine.list(behind, limit + 1, filter)
      const shown = kept.slice(0, limit)
      const last = kept.length > limit ? shown.at(-1) : undefined
      const nextCursor = last ? deps.cursors.make(LIST, writePlace(last)) : null
      return { items: shown.map((entry) => quarantineViewOf(entry)), nextCursor }
    }
  )
}

function oneRoute(app: FastifyInstance, deps: QuarantineDeps): void {
  app.get<ById>(
    '/quarantine/:id',
    {
      config: { audit: 'body-read', problems: ['unknown-quarantine-entry'] },
      schema: {
        operationId: 'getQuarantined',
        summary: 'Look at a kept body',
        ...ONE,
        ...answers(200, 'quarantine-entry')
      }
    },
    async ({ params }, reply) => {
      const kept = await find(deps, params.id)
      const entry = quarantineViewOf(kept)
      const stored = await deps.quarantine.stored(kept)
      if (stored === null) return entry
      const { buffer, byteOffset, length } = await deps.show(entry, stored)
      const json = reply.type('application/json; charset=utf-8')
      return json.send(Buffer.from(buffer, byteOffset, length))
    }
  )
}

async function find(deps: QuarantineDeps, id: string): Promise<Quarantined> {
  const kept = await deps.quarantine.find(id)
  if (kept === null) throw unknown()
  return kept
}

function unknown(): OperatorError {
  return new OperatorError('unknown-quarantine-entry', 'there is no such quarantine entry')
}
