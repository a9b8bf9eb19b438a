import { bankOf } from '../core/groups/group.ts'
import type { Request } from '../core/request.ts'
import type { Quarantined } from '../ledger/quarantine/quarantine.ts'
import type { QuarantineEntry, RequestView } from '../schemas/generated.ts'

/**
 * The view of a request in the operator API: instants are in RFC 3339, and it contains no secret. `blockedBy` is the id of
 * the request that goes before it.
 */
export function viewOf(request: Request, blockedBy: string | null = null): RequestView {
  const { requestId, service, reference, account, state, reason, operationId, history } = request
  return {
    requestId,
    service,
    bank: bankOf(service),
    reference,
    account: account && { id: account.id, endsWith: account.endsWith },
    state,
    reason,
    code: request.code,
    stateSince: instant(stateSince(request)),
    attempts: request.attempts.length,
    requestedAt: instant(request.requestedAt),
    requestedBy: requesterOf(request),
    dueAt: request.dueAt === null ? null : instant(request.dueAt),
    parked: parkedView(request),
    blockedBy,
    operationId,
    history: history.map((event) => ({ ...event, at: instant(event.at) }))
  }
}

/** The view without its history, for lists. */
export function withoutHistory(view: RequestView): RequestView {
  return { ...view, history: [] }
}

/** Since when a request has been in its state. Documents of older versions tell only their last event. */
export function stateSince({ stateSince: since, history, requestedAt }: Request): number {
  return since ?? history.at(-1)?.at ?? requestedAt
}

/** The name of the token that asked for it; null where the history does not tell. */
function requesterOf({ history: [accepted] }: Request): string | null {
  const by = accepted?.['by']
  return typeof by === 'string' ? by : null
}

function parkedView({ state, parked, dueAt }: Request): RequestView['parked'] {
  if (state !== 'parked' || parked === null) return null
  const { at, notBefore } = parked
  return {
    at: instant(at),
    failsAt: dueAt === null ? null : instant(dueAt),
    notBefore: notBefore === undefined ? null : instant(notBefore)
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
