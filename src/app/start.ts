import type { Logger } from 'pino'
import type { Config } from '../config/read-config.ts'
import { policyWarnings } from '../core/policy-warnings.ts'
import { callbackUrl } from '../crypto/callback-token.ts'
import { createKhipuClient } from '../khipu/client.ts'
import { connectWaiting } from '../redis/connect.ts'
import {
  type OperatorListenerDeps,
  buildOperatorListener,
  type OperatorDeps
} from '../operator/operator-listener.ts'
import { type Draining, startDraining } from '../callbacks/drain-spool.ts'
import { buildCallbackListener } from '../callbacks/callback-listener.ts'
import { startWorker } from '../worker/worker.ts'
import { watchSpoolGracePeriod } from './spool-grace-period.ts'
import { startupWarnings } from './startup-checks.ts'
import { buildParts, buildSpool } from './ledger-parts.ts'
import { buildShared, type Shared } from './dependencies.ts'
import { type Running, stop } from './stop.ts'
import { startBodyThread, type BodyThread } from './body-thread-pool.ts'

export interface RunningService {
  /** Stops the service in order. The public listener accepts callbacks until the delay is over. */
  close(delayMs: number): Promise<void>
  /** Resolves once Redis answers and the ledger has the configured number of partitions; rejects where it has not. */
  readonly fits: Promise<void>
}

/** The parts of each role: `server` is the public listener and the operator API. Every role has health and metrics. */
const ROLES = {
  all: { server: true, worker: true },
  server: { server: true, worker: false },
  worker: { server: false, worker: true }
} as const

/** Starts the parts of the configured role. */
export async function startService(config: Config, log: Logger): Promise<RunningService> {
  const { server, worker } = ROLES[config.role]
  const all = [...config.warnings, ...startupWarnings(config), ...policyWarnings(config.policy)]
  for (const warning of all) log.warn(warning)
  // The thread itself starts with the first large body.
  const threads = startBodyThread(config, log)
  // The spool opens first: a process that cannot open its spool must not start any other part.
  const spool = server ? buildSpool(config, threads.seal) : null
  const shared = buildShared(config, spool, threads, log)
  const draining = spool === null ? null : startDraining({ ...shared, spool, log })
  const publicListener = server ? await runPublic(config, shared, log) : null
  const adminListener = await runAdmin(config, shared, server, log)
  // The workers start last: a process that cannot open its ports must not take a job.
  const workers = worker ? runWorker(config, shared, threads, draining, log) : null
  log.info({ version: shared.version }, 'service started')
  const sayReady = () => {
    if (shared.canStore()) log.info({ afterMs: Math.round(performance.now()) }, 'service ready')
  }
  // Where the check fails, the caller handles the rejection of `fits`.
  shared.fits.then(sayReady, () => {})
  return {
    fits: shared.fits,
    close: async (delayMs) => {
      await stop({ shared, publicListener, draining, workers, adminListener }, delayMs)
      await threads.close()
    }
  }
}

function runWorker(
  config: Config,
  shared: Shared,
  { compose, classify, seal }: BodyThread,
  draining: Draining | null,
  log: Logger
): Running {
  const connection = connectWaiting(config.redis, log)
  const callbacksWait =
    config.spool === null ? undefined : watchSpoolGracePeriod(connection, draining)
  const parts = buildParts(config, connection, log, compose, shared.metrics.deviated)
  const khipu = createKhipuClient({
    baseUrl: config.khipuBaseUrl,
    requestTimeoutMs: config.requestTimeoutMs,
    proxy: config.khipuProxy,
    classify
  })
  const common = {
    connection,
    replicas: parts.replicas,
    khipu,
    seal,
    capabilities: shared.capabilities,
    callbackUrl: (token: string) => callbackUrl(config.publicUrl, token),
    authorization: config.khipuAuthorization,
    requestTimeoutMs: config.requestTimeoutMs,
    canStore: () => !shared.capacity.isFull(),
    callbacksWait,
    ledgerRetentionMs: config.ledgerRetentionMs,
    concurrency: Math.ceil(config.workerConcurrency / parts.parts.length),
    sweepIntervalMs: config.sweepIntervalMs,
    sent: shared.metrics.sent,
    log
  }
  const workers = parts.parts.map((part) => startWorker({ ...part, ...common }))
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
      await parts.closeQueues()
      await khipu.close()
      connection.disconnect()
    }
  }
}

/** When it closes, the listener waits this long for incomplete bodies. Each body that it then cuts off is logged. */
const LAST_BODIES_MS = 2_500

async function runPublic(config: Config, shared: Shared, log: Logger): Promise<Running> {
  const { metrics } = shared
  const deps = {
    ...shared,
    counted: metrics.callback,
    dropped: () => metrics.dropped('public'),
    log
  }
  const app = await buildCallbackListener(deps, config)
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

async function runAdmin(
  config: Config,
  shared: Shared,
  withOperator: boolean,
  log: Logger
): Promise<Running> {
  const operator: OperatorDeps = {
    ...shared,
    tokens: config.apiTokens,
    unauthorized: shared.metrics.unauthorized,
    hasAuthorization: config.khipuAuthorization !== null,
    log
  }
  const ofPolicy = policyWarnings(config.policy)
  const deps: OperatorListenerDeps = {
    catalog: shared.catalog,
    canStore: shared.canStore,
    concerns: () => [...ofPolicy, ...shared.concerns()],
    trouble: shared.trouble,
    backlog: shared.backlog,
    isStopping: shared.isStopping,
    spool: shared.spool,
    metrics: () => shared.metrics.render(),
    operator: withOperator ? operator : null,
    dropped: () => shared.metrics.dropped('operator'),
    log
  }
  const app = await buildOperatorListener(deps, config)
  const address = await app.listen(config.adminListener)
  log.info({ address }, 'operator listener open')
  return app
}
