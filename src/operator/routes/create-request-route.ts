import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { acceptRequest } from '../../core/new-request.ts'
import type { Account } from '../../core/request.ts'
import { expiryOf } from '../../khipu/jwt-expiry.ts'
import type { Accounts } from '../../crypto/account-hash.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { sendJob } from '../../queue/new-jobs.ts'
import type { Replicas } from '../../redis/replicas.ts'
import type { RequestAccepted, RequestBody } from '../../schemas/generated.ts'
import { exactBody } from '../validation.ts'
import { OperatorError } from '../problem.ts'
import { idempotencyHeader, reserveId, type ReserveDeps } from './reserve-key.ts'
import { ref } from '../route-schemas.ts'

export interface CreateRequestDeps {
  readonly ledger: Pick<Ledger, 'create'>
  readonly catalog: Pick<Lookup, 'recentNow'>
  /** Makes an id for a new request of an account. */
  newRequestId(account: Account | null): string
  readonly accounts: Accounts
  readonly idempotency: ReserveDeps['idempotency']
  readonly replicas: Replicas
  /** False where the service has no JWT or API key of its own. Then each request must contain one. */
  readonly hasAuthorization: boolean
  /** False while Redis could not store the callback of a new request. */
  readonly canStore: () => boolean
  /** Counts a new request of a service. */
  readonly accepted: (service: string) => void
  readonly log: Logger
}

/** The Khipu service for requests that name none. */
export const DEFAULT_SERVICE = 'cl/banking/personal/btgpactual.cl/transactions'

const ACCEPTED = {
  description: 'The request is stored, and will be sent',
  headers: { location: { type: 'string', description: 'The path of the request' } },
  content: { 'application/json': { schema: ref('request-accepted') } }
} as const

/** `POST /v1/requests`: requests the transactions of an account. */
export async function createRequestRoute(
  app: FastifyInstance,
  deps: CreateRequestDeps
): Promise<void> {
  app.post<{ Body: RequestBody }>(
    '/requests',
    {
      config: {
        scope: 'write',
        problems: ['invalid-idempotency-key', 'authorization-required', 'idempotency-key-reused']
      },
      schema: {
        operationId: 'createRequest',
        summary: 'Ask for transactions',
        tags: ['requests'],
        headers: idempotencyHeader('request'),
        body: ref('request-body'),
        response: { 202: ACCEPTED }
      }
    },
    async (request, reply) => {
      // A repeated call waits for the replicas, too. The write of the first call may have reached none.
      const accepted = await deps.replicas.reached(() => ask(deps, request))
      return reply.code(202).header('location', `/v1/requests/${accepted.requestId}`).send(accepted)
    }
  )
}

async function ask(
  deps: CreateRequestDeps,
  request: FastifyRequest<{ Body: RequestBody }>
): Promise<RequestAccepted> {
  const { caller } = request
  // Numbers keep their original digits, because RequestData is sent to Khipu unchanged.
  const body = exactBody(request)
  if (!deps.canStore())
    throw new OperatorError('unavailable', 'not possible now: the store is away or nearly full')
  if (body.authorization === undefined && !deps.hasAuthorization) {
    const message = 'is required: the service has no KHIPU_JWT or KHIPU_API_KEY of its own'
    throw new OperatorError('authorization-required', 'the request has no authorization', [
      { path: '/authorization', rule: 'required', message }
    ])
  }
  const { service = DEFAULT_SERVICE, reference = null, RequestData, authorization } = body
  const input = { RequestData, ...(authorization === undefined ? {} : { authorization }) }
  const account = deps.accounts.identify(service, input)
  const newId = deps.newRequestId(account)
  const requestId = await reserveId(deps, request, body, newId)
  const now = await deps.catalog.recentNow(requestId)
  const asked = {
    requestId,
    service,
    reference,
    account,
    authorization: authorization === undefined ? null : { expiresAt: expiryOf(authorization) }
  }
  const accepted = acceptRequest(asked, caller, now)
  if (await deps.ledger.create(accepted, input, sendJob(accepted))) {
    deps.accepted(service)
    deps.log.info({ requestId, service, by: caller }, 'request accepted')
  }
  return { requestId, state: 'queued' }
}
