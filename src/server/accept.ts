import { isReadable, type Outcome, readEnvelope } from '../core/envelope.ts'
import { lateResultOf } from '../core/publish.ts'
import { isOpen, note, type Request } from '../core/request.ts'
import { advance, type AdvanceDeps } from '../ledger/advance.ts'
import type { Lookup } from '../ledger/catalog.ts'
import { callbackId } from '../ledger/ids.ts'
import type { Quarantine, Quarantined } from '../ledger/quarantine.ts'
import type { RequestJobs } from '../queue/jobs.ts'
import { parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'
import { Refusal } from './problem.ts'

export interface AcceptDeps extends AdvanceDeps {
  readonly catalog: Lookup
  readonly quarantine: Quarantine
  readonly jobs: RequestJobs
}

/**
 * An open request takes the body as a callback; one that failed gets the one extra result that there can be.
 * `force` lets through what breaks the schema of an envelope.
 */
export async function accept(
  deps: AcceptDeps,
  kept: Quarantined,
  by: string,
  force = false
): Promise<void> {
  const body = await deps.quarantine.open(kept)
  const request = await deps.catalog.find(kept.requestId)
  if (body === null || request === null) throw new Refusal(409, 'its request is no longer known')
  const outcome = force ? readForced(body) : readChecked(body)
  if (isOpen(request)) await receiveAgain(deps, kept, outcome, body)
  else await publishLate(deps, request, kept, outcome, body)
  await noteOperator(deps, kept, 'quarantine-accepted', by, force)
  await deps.quarantine.discard(kept.quarantineId)
}

/** Writes what an operator did with a kept body into the history of its request, if that is known. */
export async function noteOperator(
  deps: AcceptDeps,
  { requestId, quarantineId, attempt }: Quarantined,
  event: 'quarantine-accepted' | 'quarantine-discarded',
  by: string,
  force = false
): Promise<void> {
  const how = force ? { force } : {}
  await advance(deps, requestId, (request, { now }) =>
    note(request, { at: now, event, attempt, quarantineId, by, ...how })
  )
}

function readChecked(body: Buffer): Outcome {
  const value = read(body)
  const checked = check('khipu-envelope', value, { list: 'all' })
  if (!checked.valid) throw new Refusal(422, 'the body is still not an envelope', checked.faults)
  return readEnvelope(checked.value)
}

/** Lets through what breaks the schema: an operator has looked at the body, and takes it for Khipu's. */
function readForced(body: Buffer): Outcome {
  const value = read(body)
  if (isReadable(value)) return readEnvelope(value)
  const checked = check('khipu-envelope', value, { list: 'all' })
  const detail = 'not even with force: the body is no JSON object with the Status OK or ERROR'
  throw new Refusal(422, detail, checked.valid ? [] : checked.faults)
}

function read(body: Buffer): unknown {
  const parsed = parseJson(body)
  if (parsed.ok) return parsed.value
  throw new Refusal(422, 'the body is still not JSON', [{ path: '', ...parsed.fault }])
}

async function receiveAgain(
  deps: AcceptDeps,
  { quarantineId, kind, requestId, attempt }: Quarantined,
  outcome: Outcome,
  body: Buffer
): Promise<void> {
  const id = callbackId(attempt, body)
  const callback = { id, attempt, size: body.length, outcome, httpStatus: null }
  const received = await deps.ledger.receive(requestId, callback, body)
  if (received !== 'accepted') throw new Refusal(409, 'its request has seen this body already')
  await advance(deps, requestId, (request) => request)
  // An error that no longer counts is kept again, under the same id and for another reason.
  const again = await deps.quarantine.find(quarantineId)
  if (again?.kind !== kind) throw new Refusal(409, 'it no longer counts: its attempt was answered')
}

async function publishLate(
  deps: AcceptDeps,
  request: Request,
  kept: Quarantined,
  outcome: Outcome,
  body: Buffer
): Promise<void> {
  if (request.state === 'delivered') throw new Refusal(409, 'its request was delivered already')
  if (outcome.type !== 'result')
    throw new Refusal(409, 'it holds no result, and its request has ended')
  const claim = await deps.quarantine.claimLate(kept)
  if (claim === 'taken') throw new Refusal(409, 'its request has a late result already')
  if (claim === 'published') return
  const late = lateResultOf(request, outcome, kept.receivedAt)
  await deps.jobs.publishLate(late, body)
  await deps.quarantine.settleLate(kept)
}
