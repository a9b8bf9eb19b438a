import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { AuditLog } from '../ledger/events/audit-log.ts'

/** What the operator API lets people change or see, each as the audit log names it. */
export const AUDITED = [
  'authorization-given',
  'body-read',
  'operation-begun',
  'operation-continued',
  'operation-stopped',
  'quarantine-accepted',
  'quarantine-discarded',
  'request-cancelled',
  'request-retried',
  'requests-released'
] as const
export type AuditAction = (typeof AUDITED)[number]

/** What the route of a call adds to its entry. */
interface Audited {
  /** By default the id in the path. */
  readonly target?: string | null
  readonly detail?: string
  /** Whether the call has changed nothing. */
  readonly isDry?: boolean
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a call of the route is in the audit log; not recorded if absent. */
    audit?: AuditAction
  }
  interface FastifyRequest {
    /** null where the route adds nothing. */
    audited: Audited | null
  }
}

export interface AuditDeps {
  readonly audit: Pick<AuditLog, 'record'>
}

/**
 * Records each call that has changed or shown something, before its answer leaves. What cannot be recorded is not shown.
 * A change stands all the same: the history of its request names who made it.
 */
export function auditCalls(
  app: FastifyInstance,
  deps: { readonly audit: AuditDeps },
  log: Logger
): void {
  app.decorateRequest('audited', null)
  app.addHook('onSend', async (request, reply, payload) => {
    const { audit: action } = request.routeOptions.config
    if (action === undefined || reply.statusCode >= 400 || request.audited?.isDry) return payload
    const { target = idOf(request), detail = null } = request.audited ?? {}
    const recorded = deps.audit.audit.record({ by: request.caller, action, target, detail })
    if (request.method === 'GET') await recorded
    else await recorded.catch(() => log.error({ by: request.caller, action }, 'call not recorded'))
    return payload
  })
}

function idOf({ params }: FastifyRequest): string | null {
  const id: unknown = Reflect.get(params as object, 'id')
  return typeof id === 'string' ? id : null
}
