import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { countParked, type ReleaseDeps, releaseParked } from '../ledger/release.ts'
import type { NotificationBody } from '../schemas/generated.ts'
import { answers, ref } from './route-schemas.ts'

export interface NotificationsDeps extends ReleaseDeps {
  readonly log: Logger
}

/** Some thousands are let go within the call; the rest of them by the sweeps that follow. */
const WITHIN_CALL_MS = 3_000

/** `POST /v1/notifications`: someone says that a cause is gone; what is parked for it is let go, paced. */
export async function notificationRoutes(
  app: FastifyInstance,
  deps: NotificationsDeps
): Promise<void> {
  app.post<{ Body: NotificationBody }>(
    '/notifications',
    {
      config: { scope: 'write' },
      schema: {
        summary: 'Release what is parked and matches',
        body: ref('notification-body'),
        ...answers(200, 'notification-outcome')
      }
    },
    async ({ body, caller }) => {
      const { service = null, code = null, reason = null, requestIds = null, dryRun = false } = body
      const notification = { by: caller, service, code, reason, requestIds }
      if (dryRun) {
        const at = await deps.catalog.now()
        return { matched: await countParked(deps.catalog, { ...notification, at }), released: 0 }
      }
      const releasing = await deps.notifications.record(notification)
      const found = await countParked(deps.catalog, releasing.notification)
      const released = await releaseParked(deps, releasing, WITHIN_CALL_MS)
      const matched = Math.max(found, released)
      deps.log.info(
        { by: caller, service, code, reason, matched, released },
        'notification received'
      )
      return { matched, released }
    }
  )
}
