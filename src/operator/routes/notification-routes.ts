import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import type { Fault, NotificationBody, NotificationOutcome } from '../../schemas/generated.ts'
import { beginNotification, type BeginDeps, countNotified } from '../operations/begin-operation.ts'
import { OperatorError } from '../problem.ts'
import { answers, ref } from '../route-schemas.ts'

export interface NotificationsDeps {
  readonly begin: BeginDeps
  readonly log: Logger
}

/** `POST /v1/notifications`: an operation that releases the parked requests whose cause is gone, at a limited rate. */
export async function notificationRoutes(
  app: FastifyInstance,
  deps: NotificationsDeps
): Promise<void> {
  app.post<{ Body: NotificationBody }>(
    '/notifications',
    {
      config: { scope: 'write', audit: 'requests-released', problems: ['selection-required'] },
      schema: {
        operationId: 'notify',
        summary: 'Release what is parked and matches',
        tags: ['notifications'],
        body: ref('notification-body'),
        ...answers(200, 'notification-outcome')
      }
    },
    async (request): Promise<NotificationOutcome> => {
      const { body, caller } = request
      const { service = null, code = null, reason = null, requestIds = null } = body
      const { all = false, dryRun = false } = body
      const isFiltered = [service, code, reason, requestIds].some((filter) => filter !== null)
      if (!isFiltered && !all)
        throw new OperatorError('selection-required', NOTHING_NAMED.message, [NOTHING_NAMED])
      const notification = { by: caller, service, code, reason, requestIds }
      request.audited = { isDry: dryRun }
      if (dryRun) return { matched: await countNotified(deps.begin, notification), released: 0 }
      const operation = `op_${uuidv7()}`
      request.audited = { target: operation }
      const matched = await beginNotification(deps.begin, operation, notification)
      deps.log.info(
        { by: caller, service, code, reason, matched, operation },
        'notification received'
      )
      return { matched, released: matched, operation }
    }
  )
}

/** An empty object would release all parked requests, and each of them costs money. */
const NOTHING_NAMED: Fault = {
  path: '',
  rule: 'anyOf',
  message: 'must have a filter (service, code, reason or requestIds), or "all": true'
}
