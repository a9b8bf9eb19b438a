import type { Outcome } from '../core/envelope.ts'
import { lateResultOf } from '../core/result-head.ts'
import { isOpen, note, type Request } from '../core/request.ts'
import type { Advance } from '../ledger/advance.ts'
import type { Lookup } from '../ledger/queries.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { StoredBody } from '../ledger/stored-body.ts'
import type { Quarantine, Quarantined } from '../ledger/quarantine/quarantine.ts'
import type { EncryptedBody } from '../crypto/encrypt.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'
import { OperatorError } from './problem.ts'
import type { Review } from './review-body.ts'

export interface AcceptDeps {
  readonly advance: Advance
  readonly ledger: Pick<Ledger, 'receive'>
  readonly catalog: Pick<Lookup, 'find'>
  readonly quarantine: Quarantine
  readonly jobs: Pick<RequestJobs, 'publishLate'>
  readonly review: Review
}

/** How an entry is accepted or discarded. */
export interface How {
  /** Whether a body that violates the envelope's schema is accepted. */
  readonly force?: boolean
  /** The operation that does so. */
  readonly operation?: string
}

/**
 * Accepts a quarantined body. An open request receives it as a callback. For a request that ended without a result, it
 * becomes the late result, of which there can be only one. `force` accepts a body that violates the envelope's schema.
 */
export async function acceptQuarantined(
  deps: AcceptDeps,
  kept: Quarantined,
  by: string,
  how: How = {}
): Promise<void> {
  const { force = false } = how
  const body = await deps.quarantine.stored(kept)
  const request = await deps.catalog.find(kept.requestId)
  if (body === null || request === null)
    throw new OperatorError('request-gone', 'its request is no longer known')
  const reviewed = await deps.review(body, force)
  if (reviewed.type === 'refused')
    throw new OperatorError('body-not-acceptable', reviewed.detail, reviewed.faults)
  const { outcome, sealed } = reviewed
  if (isOpen(request)) await receiveAgain(deps, kept, outcome, sealed)
  else await publishLate(deps, request, kept, outcome, body)
  await noteOperator(deps, kept, 'quarantine-accepted', by, how)
  await deps.quarantine.discard(kept.quarantineId)
}

/** Records the action of an operator on a quarantined body in the history of its request, where that still exists. */
export async function noteOperator(
  deps: Pick<AcceptDeps, 'advance'>,
  { requestId, quarantineId, attempt }: Quarantined,
  event: 'quarantine-accepted' | 'quarantine-discarded',
  by: string,
  { force = false, operation }: How = {}
): Promise<void> {
  const how = { ...(force && { force }), ...(operation !== undefined && { operation }) }
  await deps.advance(requestId, (request, { now }) =>
    note(request, { at: now, event, attempt, quarantineId, by, ...how })
  )
}

async function receiveAgain(
  deps: AcceptDeps,
  { quarantineId, kind, requestId, attempt }: Quarantined,
  outcome: Outcome,
  body: EncryptedBody
): Promise<void> {
  const id = `${attempt}.${body.sha256}`
  const callback = { id, attempt, size: body.size, outcome, httpStatus: null }
  const received = await deps.ledger.receive(requestId, callback, body)
  if (received !== 'accepted')
    throw new OperatorError('body-known', 'its request has seen this body already')
  await deps.advance(requestId, (request) => request)
  // A callback with an error that no longer counts is quarantined again, with the same id and another kind.
  const again = await deps.quarantine.find(quarantineId)
  if (again?.kind !== kind)
    throw new OperatorError('attempt-answered', 'it no longer counts: its attempt was answered')
}

async function publishLate(
  deps: AcceptDeps,
  request: Request,
  kept: Quarantined,
  outcome: Outcome,
  body: StoredBody
): Promise<void> {
  if (request.state === 'delivered')
    throw new OperatorError('request-delivered', 'its request was delivered already')
  if (outcome.type !== 'result')
    throw new OperatorError('request-ended', 'it holds no result, and its request has ended')
  const claim = await deps.quarantine.claimLate(kept)
  if (claim === 'taken')
    throw new OperatorError('late-result-known', 'its request has a late result already')
  if (claim === 'published') return
  const late = lateResultOf(request, outcome, kept.receivedAt)
  await deps.jobs.publishLate(late, body)
  await deps.quarantine.settleLate(kept)
}
