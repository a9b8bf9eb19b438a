import type { Logger } from 'pino'
import type { Draining } from '../callbacks/drain-spool.ts'
import type { Config } from '../config/read-config.ts'
import { callbackUrl } from '../crypto/callback-token.ts'
import { createKhipuClient } from '../khipu/client.ts'
import { connectWaiting } from '../redis/connect.ts'
import { startWorker } from '../worker/worker.ts'
import type { BodyThread } from './body-thread-pool.ts'
import type { Shared } from './dependencies.ts'
import { buildParts } from './ledger-parts.ts'
import { watchSpoolGracePeriod } from './spool-grace-period.ts'
import type { Running } from './stop.ts'

/** Starts the handlers and the sweep of every part of the ledger, on a connection of their own. */
export function runWorker(
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
