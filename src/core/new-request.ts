import { type Account, note, type Request } from './request.ts'

/** The content of a new request without its secrets. Those are encrypted and stored apart from the record. */
export interface NewRequest {
  readonly requestId: string
  readonly service: string
  readonly reference: string | null
  readonly account: Account | null
  readonly authorization: Request['authorization']
}

/** The record of a request that was just accepted: queued, and due at once. */
export function acceptRequest(asked: NewRequest, by: string, now: number): Request {
  const request: Request = {
    ...asked,
    format: 1,
    stateSince: now,
    state: 'queued',
    reason: null,
    code: null,
    requestedAt: now,
    dueAt: now,
    paced: false,
    parked: null,
    parkedMs: 0,
    attempts: [],
    operationId: null,
    completeness: null,
    response: null,
    endedAt: null,
    publishedAt: null,
    history: []
  }
  return note(request, { at: now, event: 'accepted', by })
}
