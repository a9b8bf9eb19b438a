import { v7 as uuidv7 } from 'uuid'
import { acceptRequest } from '../../src/core/new-request.ts'
import type { Answer } from '../../src/core/answer.ts'
import type { DecisionContext, Failure } from '../../src/core/decide.ts'
import { cancel } from '../../src/core/transitions/on-operator.ts'
import type { Request, State } from '../../src/core/request.ts'
import { applyAnswer, beginSending } from '../../src/core/transitions/on-send.ts'
import { endRequest, applyFailure } from '../../src/core/transitions/apply-decision.ts'
import { EVERY_GROUP, type GroupFilter } from '../../src/core/groups/group.ts'
import type { Query } from '../../src/ledger/listing.ts'
import type { Input } from '../../src/ledger/input.ts'
import type { Service } from './service.ts'

export const BTG = 'cl/banking/personal/btgpactual.cl/transactions'
export const INPUT: Input = { RequestData: { AccountNumber: '000011887755' } }
export const ACKNOWLEDGED: Extract<Answer, { type: 'acknowledged' }> = {
  type: 'acknowledged',
  httpStatus: 202,
  operationId: 'operation-1',
  lifeSpan: null
}

/** What a new request is to be; `ago` makes it older than it is, in ms. */
export interface Asking {
  readonly service?: string
  readonly reference?: string | null
  readonly input?: Input
  /** The account of the input is written down as well, so that it has its turn; else none is. */
  readonly turns?: boolean
  readonly ago?: number
}

/** Writes a new request into the ledger, with no job; tells its id. */
export async function ask(service: Service, asking: Asking = {}): Promise<string> {
  const { service: path = BTG, reference = null, input = INPUT, ago = 0, turns } = asking
  const requestId = uuidv7()
  const now = (await service.catalog.now()) - ago
  const account = turns === true ? service.accounts.identify(path, input) : null
  const asked = { requestId, service: path, reference, account, authorization: null }
  const request = acceptRequest(asked, 'tests', now)
  if (!(await service.ledger.create(request, input))) throw new Error('the id is taken')
  return requestId
}

/** Changes a request in the ledger by a pure step, past all handlers and jobs. */
export async function change(
  service: Service,
  requestId: string,
  step: (request: Request, now: number) => Request
): Promise<Request> {
  const entry = await service.ledger.load(requestId)
  if (entry === null) throw new Error('there is no such request')
  const request = step(entry.request, entry.clock.now)
  const { done } = await service.ledger.commit(entry, { request, kept: new Map() })
  if (!done) throw new Error('the change was lost')
  return request
}

/** A new request, brought by the core's own steps to where it is wanted, `ago` ms ago. */
export async function askIn(
  service: Service,
  state: State,
  { ago = 0, ...asking }: Asking = {}
): Promise<string> {
  const requestId = await ask(service, { ...asking, ago })
  if (state === 'queued') return requestId
  await change(service, requestId, (request, now) =>
    WAYS[state](request, context(service, now - ago))
  )
  return requestId
}

/** The world at an instant, as the core is told of it. */
export function context(service: Service, now: number): DecisionContext {
  const { policy, callbackTimeoutMs } = service
  const nothing = {
    authorizationExpiresAt: null,
    busyUntil: null,
    refused: null,
    probeUntil: null,
    keptAttempt: null
  }
  return { policy, callbackTimeoutMs, now, random: 0, notifications: [], ...nothing }
}

export const REQUEST_TIMEOUT_MS = 190_000

type Way = (request: Request, context: DecisionContext) => Request

const send: Way = (request, context) => beginSending(request, context, REQUEST_TIMEOUT_MS)
const failed = (cause: Failure['cause'], code: string): Way => {
  return (request, context) => {
    const failure = { cause, code, receivedAt: context.now, retryAfterMs: null }
    return applyFailure(send(request, context), failure, context)
  }
}

const WAYS: Readonly<Record<Exclude<State, 'queued'>, Way>> = {
  sending: send,
  'awaiting-callback': (request, context) =>
    applyAnswer(send(request, context), 1, ACKNOWLEDGED, context),
  'retry-scheduled': failed('wait-4-hours', 'E202'),
  parked: failed('retry-after-notification', 'I001'),
  delivered: (request, context) =>
    endRequest({ ...send(request, context), completeness: 'complete' }, 'delivered', null, {
      at: context.now
    }),
  failed: failed('do-not-retry', 'E401'),
  cancelled: (request, { now }) => cancel(request, 'tests', now)
}

/** The query of a list without a filter. */
export const EVERYTHING: Query = {
  groups: EVERY_GROUP,
  since: null,
  until: null,
  narrow: null,
  before: null,
  limit: 50
}

/** The groups with these values. */
export const inGroups = (filter: Partial<GroupFilter>): GroupFilter => ({
  ...EVERY_GROUP,
  ...filter
})
