import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Notification } from '../../core/notification.ts'
import { sum } from '../../core/sum.ts'
import {
  countParked,
  type CountDeps,
  type ReleaseDeps,
  releaseParked
} from '../../ledger/releases/release.ts'
import type { Fault, NotificationBody } from '../../schemas/generated.ts'
import { OperatorError } from '../problem.ts'
import { answers, ref } from '../route-schemas.ts'

export interface NotificationsDeps {
  /** The parts of the ledger. Each records a notification and releases its own parked requests. */
  readonly parts: readonly (ReleaseDeps & CountDeps)[]
  readonly log: Logger
}

/** A call releases requests for this time, some thousands of them. The next sweeps release the others. */
const WITHIN_CALL_MS = 3_000
/** Where more than so many match, a call releases a hundred of them, and leaves the others to the sweeps. */
const MANY = 5_000

/** `POST /v1/notifications`: releases the parked requests whose cause is gone, at a limited rate. */
export async function notificationRoutes(
  app: FastifyInstance,
  deps: NotificationsDeps
): Promise<void> {
  app.post<{ Body: NotificationBody }>(
    '/notifications',
    {
      config: { scope: 'write', problems: ['selection-required'] },
      schema: {
        operationId: 'notify',
        summary: 'Release what is parked and matches',
        tags: ['notifications'],
        body: ref('notification-body'),
        ...answers(200, 'notification-outcome')
      }
    },
    async ({ body, caller }) => {
      const { service = null, code = null, reason = null, requestIds = null } = body
      const { all = false, dryRun = false } = body
      const isFiltered = [service, code, reason, requestIds].some((filter) => filter !== null)
      if (!isFiltered && !all)
        throw new OperatorError('selection-required', NOTHING_NAMED.message, [NOTHING_NAMED])
      const notification = { by: caller, service, code, reason, requestIds }
      if (dryRun) return { matched: await countAll(deps, notification), released: 0 }
      const outcome = await releaseAll(deps, notification)
      deps.log.info({ by: caller, service, code, reason, ...outcome }, 'notification received')
      return outcome
    }
  )
}

/** An empty object would release all parked requests, and each of them costs money. */
const NOTHING_NAMED: Fault = {
  path: '',
  rule: 'anyOf',
  message: 'must have a filter (service, code, reason or requestIds), or "all": true'
}

type Asked = Omit<Notification, 'at'>

async function countAll({ parts }: NotificationsDeps, asked: Asked): Promise<number> {
  const counts = await Promise.all(
    parts.map(async (deps) => countParked(deps, { ...asked, at: await deps.catalog.now() }))
  )
  return sum(counts)
}

// All parts record the notification before any part releases a request. A caller that gets an error repeats the call.
async function releaseAll({ parts }: NotificationsDeps, asked: Asked) {
  const recorded = await Promise.all(
    parts.map(async (deps) => ({ deps, releasing: await deps.notifications.record(asked) }))
  )
  const outcomes = await Promise.all(
    recorded.map(async ({ deps, releasing }) => {
      const found = await countParked(deps, releasing.notification)
      const forMs = found > MANY ? 0 : WITHIN_CALL_MS
      const released = await releaseParked(deps, releasing, forMs)
      return { matched: Math.max(found, released), released }
    })
  )
  return {
    matched: sum(outcomes.map(({ matched }) => matched)),
    released: sum(outcomes.map(({ released }) => released))
  }
}
