import type { Queue } from 'bullmq'
import type { Logger } from 'pino'
import type { ApiToken } from '../../config/secrets.ts'
import type { SecretKey } from '../../core/secret-key.ts'
import type { RefusalLimiter } from '../../http/rate-limit.ts'
import type { AuditDeps } from '../audit.ts'
import type { AuthFailure } from '../check-operator-token.ts'
import type { AuditRouteDeps } from '../routes/audit-route.ts'
import type { BeginRouteDeps } from '../routes/begin-operation-route.ts'
import type { EventsDeps } from '../routes/events-route.ts'
import type { ExplainDeps } from '../routes/explain-route.ts'
import type { OperationsDeps } from '../routes/operation-routes.ts'
import type { QuarantineDeps } from '../routes/quarantine-entries.ts'
import type { ChangeDeps } from '../routes/request-change-routes.ts'
import type { RequestsDeps } from '../routes/request-routes.ts'
import type { StatsDeps } from '../routes/stats-route.ts'
import type { SummaryDeps } from '../routes/summary-routes.ts'

/** What only the pages use. */
export interface OwnPagesDeps {
  /** The first key signs sessions. All keys verify them. */
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  /** The service's own queues. */
  readonly ownQueues: readonly Queue[]
  readonly resultQueue: Queue
  /** Warnings about the configuration of Redis. */
  readonly concerns: () => readonly string[]
}

/** What the pages share with the routes of the API. */
export interface PagesDeps {
  readonly requests: RequestsDeps
  readonly explain: ExplainDeps
  readonly summary: SummaryDeps
  readonly stats: StatsDeps
  /** Null where changes of requests are no events. */
  readonly events: EventsDeps | null
  readonly audit: AuditRouteDeps & Pick<AuditDeps, 'audit'>
  readonly changes: ChangeDeps
  readonly beginOperation: BeginRouteDeps
  readonly operations: OperationsDeps
  readonly quarantine: QuarantineDeps
  readonly tokens: readonly ApiToken[]
  readonly unauthorized: (why: AuthFailure) => void
  /** Null where PAGES is false. */
  readonly pages: OwnPagesDeps | null
}

/** What the listener gives the pages. */
export interface PagesSettings {
  readonly deps: PagesDeps
  readonly refusals: RefusalLimiter
  readonly trustedProxies: readonly string[]
  readonly log: Logger
}

/** What the screens work with, once there are pages. */
export interface ScreenDeps extends Omit<PagesSettings, 'deps'> {
  readonly api: PagesDeps
  readonly own: OwnPagesDeps
}
