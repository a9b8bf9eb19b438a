import { bankOf, groupOf, isAskedFor, readGroup } from '../groups/group.ts'
import type { Policy } from '../policy.ts'
import { isOpen, LIVE_STATES, type Request } from '../request.ts'
import { isUsedUp } from '../send-limits.ts'
import { cancel, mayRetryNow, release, retryNow } from '../transitions/on-operator.ts'
import type { Lane, Operation } from './operation.ts'

/**
 * What an operation does with a request: `taken`, or nothing. `done`: it has done so already. `refused`: the action is
 * not allowed. `passed`: it is not, or no longer, in the selection.
 */
export type Fate = 'taken' | 'done' | 'refused' | 'passed'

type Asked = Pick<Operation, 'id' | 'action' | 'selection' | 'early'>

/** The fate of a request in a lane of an operation. */
export function fateOf(
  operation: Asked,
  lane: Pick<Lane, 'bank' | 'at'>,
  request: Request,
  policy: Policy
): Fate {
  if (isDoneBy(operation.id, request)) return 'done'
  if (!isSelected(operation, lane, request)) return 'passed'
  return isAllowed(operation, request, policy) ? 'taken' : 'refused'
}

/** True if the operation has changed the request. */
export function isDoneBy(operation: string, { history }: Request): boolean {
  return history.some((event) => event['operation'] === operation)
}

function isSelected(
  { action, selection: { groups, code, ids } }: Asked,
  { bank, at }: Pick<Lane, 'bank' | 'at'>,
  request: Request
): boolean {
  return (
    APPLIES[action](request) &&
    enteredAt(request) <= at &&
    (bank === null || bankOf(request.service) === bank) &&
    (code === null || request.code === code) &&
    (ids === null || ids.includes(request.requestId)) &&
    isAskedFor(groups, readGroup(groupOf(request)))
  )
}

const isParked = ({ state }: Request) => state === 'parked'
const none = () => false
const APPLIES: Readonly<Record<Operation['action'], (request: Request) => boolean>> = {
  release: isParked,
  retry: mayRetryNow,
  cancel: isOpen,
  accept: none,
  discard: none
}

/** The states that an action is for; empty for an action on quarantine entries. */
export const STATES_OF: Readonly<Record<Operation['action'], readonly string[]>> = {
  release: ['parked'],
  retry: ['parked', 'retry-scheduled'],
  cancel: LIVE_STATES,
  accept: [],
  discard: []
}

/** True for an action on entries of the quarantine. */
export function isOnEntries({ action }: Pick<Operation, 'action'>): boolean {
  return STATES_OF[action].length === 0
}

/** The events that leave the request in its state, reason and code. */
const LEAVES: ReadonlySet<string> = new Set([
  'callback-superseded',
  'callback-late',
  'answer-superseded',
  'authorization-given',
  'quarantine-accepted',
  'quarantine-discarded',
  'result-published'
])

/** When the request came into its state, or got its reason. */
function enteredAt({ history, requestedAt }: Request): number {
  return history.findLast(({ event }) => !LEAVES.has(event))?.at ?? requestedAt
}

function isAllowed({ action, early }: Asked, request: Request, policy: Policy): boolean {
  if (action === 'cancel') return true
  if (isUsedUp(request, policy)) return false
  const isEarly = request.state === 'retry-scheduled' && request.reason === 'wait-4-hours'
  return early || !isEarly
}

/**
 * The request after the action of an operation; unchanged unless it is taken. `at` is its place in the pace. Bank
 * credentials that are refused after the instant of the selection are not tried for the sake of this operation.
 */
export function actOn(
  operation: Pick<Operation, 'by'> & Asked,
  lane: Pick<Lane, 'bank' | 'at'>,
  request: Request,
  { at, now, policy }: { readonly at: number; readonly now: number; readonly policy: Policy }
): Request {
  if (fateOf(operation, lane, request, policy) !== 'taken') return request
  const { action, by, id, early } = operation
  const bulk = { operation: id, permittedAt: lane.at }
  if (action === 'cancel') return cancel(request, by, now, id)
  if (action === 'release') return release(request, at, by, now, bulk)
  const notBefore = early ? at : (request.parked?.notBefore ?? at)
  return retryNow(request, by, now, { ...bulk, at: Math.max(at, notBefore) })
}
