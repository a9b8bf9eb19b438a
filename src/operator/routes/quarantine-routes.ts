import type { FastifyInstance } from 'fastify'
import type { AcceptBody, QuarantineEntry } from '../../schemas/generated.ts'
import type { ProblemCode } from '../problem.ts'
import { QUARANTINE_QUERY } from '../query-schemas.ts'
import { answers, QUARANTINE_ID, ref } from '../route-schemas.ts'
import { quarantineViewOf } from '../views.ts'
import {
  acceptEntry,
  discardEntry,
  findEntry,
  FORCED,
  listEntries,
  type QuarantineDeps,
  type QuarantineQuery
} from './quarantine-entries.ts'

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
      const { force = false } = body
      if (force) request.audited = FORCED
      const kept = await acceptEntry(deps, by, params.id, force)
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
      await discardEntry(deps, caller, params.id)
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
    ({ query }) => listEntries(deps, query)
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
      const kept = await findEntry(deps, params.id)
      const entry = quarantineViewOf(kept)
      const stored = await deps.quarantine.stored(kept)
      if (stored === null) return entry
      const { buffer, byteOffset, length } = await deps.show(entry, stored)
      const json = reply.type('application/json; charset=utf-8')
      return json.send(Buffer.from(buffer, byteOffset, length))
    }
  )
}
