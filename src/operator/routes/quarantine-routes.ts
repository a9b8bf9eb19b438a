import type { FastifyInstance } from 'fastify'
import type { AcceptBody, QuarantineEntry, QuarantineKind } from '../../schemas/generated.ts'
import { listOf, LIST_QUERY } from '../query-schemas.ts'
import { answers, CURSOR, LIMIT, ref } from '../route-schemas.ts'
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

const KINDS: Readonly<Record<QuarantineKind, true>> = {
  'not-json': true,
  schema: true,
  conflict: true,
  late: true
}

const QUARANTINE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    kind: listOf(Object.keys(KINDS).join('|'), 'Only those of this kind'),
    requestId: { type: 'string', description: 'Only those of this request' },
    since: { ...LIST_QUERY.properties.since, description: 'Only those kept from this instant on' },
    limit: LIMIT,
    cursor: CURSOR
  }
} as const

type ById = { Params: { id: string } }

/** `/v1/quarantine`: lists and shows quarantined bodies, validates and accepts one again, or discards it. */
export async function quarantineRoutes(app: FastifyInstance, deps: QuarantineDeps): Promise<void> {
  lookRoutes(app, deps)
  app.post<ById & { Body: AcceptBody }>(
    '/quarantine/:id/accept',
    {
      config: { bodyMayBeAbsent: true, audit: 'quarantine-accepted' },
      schema: {
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
  app.delete<ById>(
    '/quarantine/:id',
    { config: { audit: 'quarantine-discarded' }, schema: { summary: 'Discard a kept body' } },
    async ({ params, caller }, reply) => {
      await discardEntry(deps, caller, params.id)
      return reply.code(204).send()
    }
  )
}

function lookRoutes(app: FastifyInstance, deps: QuarantineDeps): void {
  app.get<{ Querystring: QuarantineQuery }>(
    '/quarantine',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'List kept bodies, newest first',
        querystring: QUARANTINE_QUERY,
        ...answers(200, 'quarantine-list')
      }
    },
    ({ query }) => listEntries(deps, query)
  )
  app.get<ById>(
    '/quarantine/:id',
    {
      config: { audit: 'body-read' },
      schema: { summary: 'Look at a kept body', ...answers(200, 'quarantine-entry') }
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
