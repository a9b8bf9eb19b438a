import type { Logger } from 'pino'
import type { Config } from '../config/read-config.ts'
import { policyWarnings } from '../core/policy-warnings.ts'
import { startDraining } from '../callbacks/drain-spool.ts'
import { startupWarnings } from './startup-checks.ts'
import { buildSpool } from './ledger-parts.ts'
import { buildShared } from './dependencies.ts'
import { runAdmin, runMetrics, runPublic } from './run-listeners.ts'
import { runWorker } from './run-worker.ts'
import { stop } from './stop.ts'
import { startBodyThread } from './body-thread-pool.ts'

export interface RunningService {
  /** Stops the service in order. The public listener accepts callbacks until the delay is over. */
  close(delayMs: number): Promise<void>
  /** Resolves once Redis answers and the ledger is set up as configured; rejects where it is not. */
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
  const draining =
    spool === null
      ? null
      : startDraining({
          ledger: shared.ledger,
          writers: shared.writers,
          canStore: shared.canStore,
          examine: shared.examine,
          spool,
          log
        })
  const publicListener = server ? await runPublic(config, shared, log) : null
  const adminListener = await runAdmin(config, shared, server, log)
  const metricsListener = await runMetrics(config, shared, log)
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
      const listeners = { publicListener, adminListener, metricsListener }
      await stop({ shared, draining, workers, ...listeners }, delayMs)
      await threads.close()
    }
  }
}
