import type { Logger } from 'pino'
import { createEventFeed } from '../operator/event-feed.ts'
import { buildCallbackListener } from '../callbacks/callback-listener.ts'
import type { Config } from '../config/read-config.ts'
import { policyWarnings } from '../core/policy-warnings.ts'
import { createJudge } from '../operator/operations/judge-entry.ts'
import type { OperatorDeps } from '../operator/routes/api-routes.ts'
import { buildOperatorListener, type OperatorListenerDeps } from '../operator/operator-listener.ts'
import { buildMetricsListener } from '../operator/metrics/metrics-listener.ts'
import type { OwnPagesDeps } from '../operator/pages/pages-deps.ts'
import type { Shared } from './dependencies.ts'
import type { Running } from './stop.ts'

/** When it closes, the listener waits this long for incomplete bodies. Each body that it then cuts off is logged. */
const LAST_BODIES_MS = 2_500

/** Opens the listener that Khipu calls. */
export async function runPublic(config: Config, shared: Shared, log: Logger): Promise<Running> {
  const { metrics } = shared
  const { ledger, writers, canStore } = shared
  const app = await buildCallbackListener(
    {
      redis: { ledger, writers, canStore },
      capabilities: shared.capabilities,
      examine: shared.examine,
      seal: shared.seal,
      spool: shared.spool,
      isStopping: shared.isStopping,
      counted: metrics.callback,
      dropped: () => metrics.dropped('public'),
      log
    },
    config
  )
  const address = await app.listen(config.publicListener)
  log.info({ address }, 'public listener open')
  return {
    async close() {
      const timer = setTimeout(() => app.server.closeAllConnections(), LAST_BODIES_MS)
      await app.close()
      clearTimeout(timer)
    }
  }
}

/** Opens the listener for metrics alone, where METRICS_PORT is set. */
export async function runMetrics(
  config: Config,
  { metrics }: Pick<Shared, 'metrics'>,
  log: Logger
): Promise<Running | null> {
  if (config.metricsListener === null) return null
  const dropped = () => metrics.dropped('metrics')
  const app = await buildMetricsListener({ metrics: metrics.render, dropped }, config)
  const address = await app.listen(config.metricsListener)
  log.info({ address }, 'metrics listener open')
  return app
}

/** Opens the listener for health, metrics and, where the role has it, the operator API. */
export async function runAdmin(
  config: Config,
  shared: Shared,
  withOperator: boolean,
  log: Logger
): Promise<Running> {
  const ofPolicy = policyWarnings(config.policy)
  const deps: OperatorListenerDeps = {
    health: {
      catalog: shared.catalog,
      canStore: shared.canStore,
      concerns: () => [...ofPolicy, ...shared.concerns()],
      trouble: shared.trouble,
      backlog: shared.backlog,
      isStopping: shared.isStopping,
      spool: shared.spool,
      metrics: config.metricsListener === null ? shared.metrics.render : null
    },
    operator: withOperator ? operatorDeps(config, shared, log) : null,
    dropped: () => shared.metrics.dropped('operator'),
    answered: shared.metrics.operatorCall,
    log
  }
  const app = await buildOperatorListener(deps, config)
  const address = await app.listen(config.adminListener)
  log.info({ address }, 'operator listener open')
  return app
}

function operatorDeps(config: Config, shared: Shared, log: Logger): OperatorDeps {
  const { ledger, catalog, quarantine, jobs, policy, accounts, cursors } = shared
  const { operatorAdvance: advance, operations, idempotency, replicas } = shared
  const { capacity, backlog, spool } = shared
  const parts = shared.parts.map((part) => ({ ...part, advance: part.operatorAdvance }))
  const accept = { advance, ledger, catalog, quarantine, jobs, review: shared.review }
  const begin = { operations, parts, find: catalog.find, judge: createJudge(accept) }
  const reserve = { idempotency, replicas }
  return {
    create: {
      ledger,
      catalog,
      accounts,
      newRequestId: shared.newRequestId,
      idempotency,
      replicas,
      hasAuthorization: config.khipuAuthorization !== null,
      canStore: shared.canStore,
      accepted: shared.metrics.accepted,
      log
    },
    requests: { catalog, operations, cursors },
    stats: { catalog },
    events: config.events ? { feed: createEventFeed(shared.events, log) } : null,
    audit: { audit: shared.audit, cursors },
    explain: { catalog, policy },
    summary: { catalog, filled: capacity.filled, backlog, spool },
    changes: { advance, ledger, accounts, jobs, policy, log },
    notifications: { begin, log },
    beginOperation: { begin, reserve, look: { operations, catalog }, catalog, log },
    operations: { operations, catalog, cursors, log },
    quarantine: { accept, quarantine, cursors, show: shared.show, log },
    tokens: config.apiTokens,
    unauthorized: shared.metrics.unauthorized,
    pages: config.pages ? ownPages(config, shared) : null
  }
}

function ownPages(config: Config, { queues, sink, concerns }: Shared): OwnPagesDeps {
  const ofPolicy = policyWarnings(config.policy)
  return {
    secretKeys: config.secretKeys,
    ownQueues: queues.all,
    resultQueue: sink.queue,
    concerns: () => [...ofPolicy, ...concerns()]
  }
}
