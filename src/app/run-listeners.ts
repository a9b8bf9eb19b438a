import type { Logger } from 'pino'
import { buildCallbackListener } from '../callbacks/callback-listener.ts'
import type { Config } from '../config/read-config.ts'
import { policyWarnings } from '../core/policy-warnings.ts'
import { createJudge } from '../operator/operations/judge-entry.ts'
import type { OperatorDeps } from '../operator/api-routes.ts'
import { buildOperatorListener, type OperatorListenerDeps } from '../operator/operator-listener.ts'
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
      metrics: () => shared.metrics.render()
    },
    operator: withOperator ? operatorDeps(config, shared, log) : null,
    dropped: () => shared.metrics.dropped('operator'),
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
      log
    },
    requests: { catalog, cursors },
    explain: { catalog, policy },
    summary: { catalog },
    changes: { advance, ledger, accounts, jobs, policy, log },
    notifications: { begin, log },
    beginOperation: { begin, reserve, look: { operations, catalog }, catalog, log },
    operations: { operations, catalog, cursors, log },
    quarantine: {
      accept,
      quarantine,
      cursors,
      show: shared.show,
      log
    },
    tokens: config.apiTokens,
    unauthorized: shared.metrics.unauthorized
  }
}
