import { bankOf } from '../core/groups/group.ts'
import type { Request } from '../core/request.ts'
import type { Quarantined } from '../ledger/quarantine/quarantine.ts'
import type { QuarantineEntry, RequestView } from '../schemas/generated.ts'

/** The view of a request in the operator API: instants are in RFC 3339, and it contains no secret. */
export function viewOf(request: Request): RequestView {
  const { requestId, service, reference, account, state, reason, operationId } = request
  return {
    requestId,
    service,
    bank: bankOf(service),
    reference,
    account: account && { id: account.id, endsWith: account.endsWith },
    state,
    reason,
    code: request.code,
    attempts: request.attempts.length,
    requestedAt: instant(request.requestedAt),
    dueAt: request.dueAt === null ? null : instant(request.dueAt),
    operationId,
    history: request.history.map((event) => ({ ...event, at: instant(event.at) }))
  }
}

/** The view of a quarantine entry in the operator API, without its body. */
export function quarantineViewOf(kept: Quarantined): QuarantineEntry {
  return { ...kept, faults: [...kept.faults], receivedAt: instant(kept.receivedAt) }
}

/** An instant of a record, in RFC 3339. */
export function instant(ms: number): string {
  return new Date(ms).toISOString()
}
