import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Cursors } from '../../crypto/signed-cursor.ts'
import type { Quarantine, Quarantined } from '../../ledger/quarantine/quarantine.ts'
import { readPlace, writePlace } from '../../ledger/quarantine/quarantine-page.ts'
import type { AcceptBody, QuarantineEntry } from '../../schemas/generated.ts'
import { acceptQuarantined, type AcceptDeps, noteOperator } from '../accept-quarantined.ts'
import { readCursor } from '../validation.ts'
import { OperatorError } from '../problem.ts'
import { answers, PAGE_QUERY, ref } from '../route-schemas.ts'
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

type ById = { Params: { id: string } }

/** `/v1/quarantine`: lists and shows quarantined bodies, validates and accepts one again, or discards it. */
export async function quarantineRoutes(app: FastifyInstance, deps: QuarantineDeps): Promise<void> {
  lookRoutes(app, deps)
  app.post<ById & { Body: AcceptBody }>(
    '/quarantine/:id/accept',
    {
      config: { bodyMayBeAbsent: true },
      schema: {
        summary: 'Validate again and let through',
        body: ref('accept-body'),
        ...answers(200, 'quarantine-entry')
      }
    },
    async ({ params: { id }, body: { force = false }, caller: by }) => {
      const kept = await find(deps, id)
      await acceptQuarantined(deps.accept, kept, by, { force })
      const { requestId } = kept
      deps.log.info({ by, quarantineId: id, requestId, force }, 'quarantine accepted')
      return quarantineViewOf(kept) satisfies QuarantineEntry
    }
  )
  app.delete<ById>(
    '/quarantine/:id',
    { schema: { summary: 'Discard a kept body' } },
    async ({ params, caller }, reply) => {
      const kept = await find(deps, params.id)
      if (!(await deps.quarantine.discard(params.id))) throw unknown()
      await noteOperator(deps.accept, kept, 'quarantine-discarded', caller)
      deps.log.info({ by: caller, quarantineId: params.id }, 'quarantine discarded')
      return reply.code(204).send()
    }
  )
}

function lookRoutes(app: FastifyInstance, deps: QuarantineDeps): void {
  app.get<{ Querystring: { limit?: number; cursor?: string } }>(
    '/quarantine',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'List kept bodies, newest first',
        querystring: PAGE_QUERY,
        ...answers(200, 'quarantine-list')
      }
    },
    async ({ query: { limit = 50, cursor } }) => {
      const position = readCursor(deps.cursors, LIST, cursor)
      const behind = position === null ? null : readPlace(position)
      // One more entry than is shown, to find out whether there is another page.
      const kept = await deps.quarantine.list(behind, limit + 1)
      const shown = kept.slice(0, limit)
      const last = kept.length > limit ? shown.at(-1) : undefined
      const nextCursor = last ? deps.cursors.make(LIST, writePlace(last)) : null
      return { items: shown.map((entry) => quarantineViewOf(entry)), nextCursor }
    }
  )
  app.get<ById>(
    '/quarantine/:id',
    { schema: { summary: 'Look at a kept body', ...answers(200, 'quarantine-entry') } },
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
