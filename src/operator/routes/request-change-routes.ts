import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Policy } from '../../core/policy.ts'
import { authorize, cancel, retryNow } from '../../core/transitions/on-operator.ts'
import { isOpen, note, type Request } from '../../core/request.ts'
import { isUsedUp } from '../../core/send-limits.ts'
import type { Accounts } from '../../crypto/account-hash.ts'
import { expiryOf } from '../../khipu/jwt-expiry.ts'
import type { Advance, Step } from '../../ledger/advance.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Authorization } from '../../ledger/input.ts'
import type { RequestJobs } from '../../queue/ensure-jobs.ts'
import type { RequestView } from '../../schemas/generated.ts'
import { OperatorError } from '../problem.ts'
import { unknownRequest } from './request-routes.ts'
import { answers, ref, REQUEST_ID } from '../route-schemas.ts'
import { viewOf } from '../views.ts'

export interface ChangeDeps {
  readonly advance: Advance
  readonly ledger: Pick<Ledger, 'isSetAside' | 'takeUp' | 'openInput' | 'seal'>
  readonly accounts: Accounts
  readonly jobs: Pick<RequestJobs, 'enqueueCallback'>
  readonly policy: Policy
  readonly log: Logger
}

type ById = { Params: { id: string } }

const CHANGE = {
  tags: ['requests'],
  params: REQUEST_ID,
  ...answers(200, 'request-view')
} as const

/** `/v1/requests/{id}/…`: cancels a request, sends it now, or replaces its authorization. */
export async function requestChangeRoutes(app: FastifyInstance, deps: ChangeDeps): Promise<void> {
  app.post<ById>(
    '/requests/:id/cancel',
    {
      config: {
        scope: 'write',
        audit: 'request-cancelled',
        problems: ['unknown-request', 'state-forbids']
      },
      schema: {
        operationId: 'cancelRequest',
        summary: 'Give a request up',
        ...CHANGE
      }
    },
    ({ params, caller }) => cancelRequest(deps, caller, params.id)
  )
  app.post<ById>(
    '/requests/:id/retry',
    {
      config: {
        scope: 'write',
        audit: 'request-retried',
        problems: ['unknown-request', 'state-forbids', 'attempts-used-up']
      },
      schema: {
        operationId: 'retryRequest',
        summary: 'Send a waiting request now, or publish a result that was set aside',
        ...CHANGE
      }
    },
    ({ params, caller }) => retryRequest(deps, caller, params.id)
  )
  authorizationRoute(app, deps)
}

function authorizationRoute(app: FastifyInstance, deps: ChangeDeps): void {
  app.put<ById & { Body: Authorization }>(
    '/requests/:id/authorization',
    {
      config: {
        scope: 'write',
        audit: 'authorization-given',
        problems: ['unknown-request', 'state-forbids']
      },
      schema: {
        operationId: 'setAuthorization',
        summary: 'Give a request another authorization, and let it go where it waits for one',
        body: ref('authorization'),
        ...CHANGE
      }
    },
    ({ params, body, caller }) => giveAuthorization(deps, caller, params.id, body)
  )
}

/** Gives a request up. */
export function cancelRequest(deps: ChangeDeps, by: string, requestId: string) {
  return change(deps, by, requestId, (request, { now }) => cancel(request, by, now))
}

/** Sends a waiting request now, or publishes a result that was set aside. */
export async function retryRequest(
  deps: ChangeDeps,
  by: string,
  requestId: string
): Promise<RequestView> {
  return (
    (await publishAgain(deps, by, requestId)) ??
    change(deps, by, requestId, (request, { now, policy }) =>
      isUsedUp(request, policy) ? request : retryNow(request, by, now)
    )
  )
}

/**
 * Publishes a result that was set aside once more, without sending anything to Khipu; null where none is set aside. A
 * worker publishes it, because it may end its process, and that must not be the process of the listener.
 */
async function publishAgain(
  deps: ChangeDeps,
  by: string,
  requestId: string
): Promise<RequestView | null> {
  if (!(await deps.ledger.isSetAside(requestId))) return null
  // While the result is set aside, a change of its request publishes nothing.
  const view = await change(deps, by, requestId, (request, { now }) =>
    note(request, { at: now, event: 'publication-retried', by })
  )
  await deps.ledger.takeUp(requestId)
  await deps.jobs.enqueueCallback(requestId, `retry.${randomUUID()}`)
  return view
}

/** Encrypts the new authorization together with the input of the request. One commit stores it and the new state. */
export async function giveAuthorization(
  deps: ChangeDeps,
  by: string,
  requestId: string,
  authorization: Authorization
): Promise<RequestView> {
  const input = await deps.ledger.openInput(requestId)
  const sealed = input && deps.ledger.seal(requestId, { ...input, authorization })
  const step: Step = (request, { now }) => {
    if (input === null) return request
    const account = deps.accounts.identify(request.service, { ...input, authorization })
    const given = { authorization: { expiresAt: expiryOf(authorization) }, account }
    return authorize(request, given, by, now)
  }
  return change(deps, by, requestId, step, sealed ?? undefined)
}

async function change(
  deps: ChangeDeps,
  by: string,
  requestId: string,
  step: Step,
  sealed?: Uint8Array
): Promise<RequestView> {
  const changed = await deps.advance(requestId, step, { sealed })
  if (changed === null) throw unknownRequest()
  const { before, after } = changed
  if (after === before) throw whyNot(deps, before)
  deps.log.info({ requestId, by, state: after.state }, 'request changed by an operator')
  return viewOf(after)
}

function whyNot({ policy }: ChangeDeps, request: Request): OperatorError {
  const isLast = isOpen(request) && isUsedUp(request, policy)
  return isLast
    ? new OperatorError('attempts-used-up', 'it has used up its attempts')
    : new OperatorError('state-forbids', `the state '${request.state}' forbids it`)
}
