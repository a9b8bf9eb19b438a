import type { FastifyInstance } from 'fastify'
import type { AuditLog } from '../../ledger/events/audit-log.ts'
import type { Cursors } from '../../crypto/signed-cursor.ts'
import type { AuditList } from '../../schemas/generated.ts'
import { AUDITED } from '../audit.ts'
import { answers, CURSOR, LIMIT } from '../route-schemas.ts'
import { readCursor } from '../validation.ts'
import { instant } from '../views.ts'

export interface AuditRouteDeps {
  readonly audit: Pick<AuditLog, 'list'>
  readonly cursors: Cursors
}

export interface AuditQuery {
  readonly by?: string
  readonly action?: string
  readonly target?: string
  readonly limit?: number
  readonly cursor?: string
}

const AUDIT_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    by: { type: 'string', description: 'Only what this token did' },
    action: { type: 'string', enum: AUDITED, description: 'Only this' },
    target: {
      type: 'string',
      description: 'Only what was done to the request, kept body or operation with this id'
    },
    limit: LIMIT,
    cursor: CURSOR
  }
} as const

/** The list that the cursors are bound to. */
const LIST = ['audit'] as const

/** `GET /v1/audit`: who changed or saw what, newest first. */
export async function auditRoute(app: FastifyInstance, deps: AuditRouteDeps): Promise<void> {
  app.get<{ Querystring: AuditQuery }>(
    '/audit',
    {
      config: { scope: 'admin', problems: ['unknown-cursor'] },
      schema: {
        operationId: 'listAudit',
        tags: ['audit'],
        summary: 'List who changed or saw what, newest first',
        querystring: AUDIT_QUERY,
        ...answers(200, 'audit-list')
      }
    },
    ({ query }) => listAudited(deps, query)
  )
}

/** A page of who changed or saw what, newest first. */
export async function listAudited(
  { audit, cursors }: AuditRouteDeps,
  query: AuditQuery
): Promise<AuditList> {
  const { by = null, action = null, target = null, limit = 50, cursor } = query
  const behind = readCursor(cursors, LIST, cursor)
  const { items, next } = await audit.list({ by, action, target }, behind, limit)
  return {
    items: items.map(({ at, place: _place, ...entry }) => ({ at: instant(at), ...entry })),
    nextCursor: next === null ? null : cursors.make(LIST, next)
  }
}
