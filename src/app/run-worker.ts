import type { Logger } from 'pino'
import type { Draining } from '../callbacks/drain-spool.ts'
import type { Config } from '../config/read-config.ts'
import { callbackUrl } from '../crypto/callback-token.ts'
import type { EncryptBody } from '../crypto/encrypt.ts'
import { createKhipuClient, type KhipuClient } from '../khipu/client.ts'
import { type Connection, connectWaiting } from '../redis/connect.ts'
import type { Replicas } from '../redis/replicas.ts'
import { startWorker, type WorkerDeps } from '../worker/worker.ts'
import type { BodyThread } from './body-thread-pool.ts'
import type { Shared } from './dependencies.ts'
import { createJudge } from '../operator/operations/judge-entry.ts'
import { buildParts } from './ledger-parts.ts'
import { watchSpoolGracePeriod } from './spool-grace-period.ts'
import type { Running } from './stop.ts'

/** Starts the handlers and the sweep of every part of the ledger, on a connection of their own. */
export function runWorker(
  config: Config,
  shared: Shared,
  { compose, classify, seal, review }: BodyThread,
  draining: Draining | null,
  log: Logger
): Running {
  const connection = connectWaiting(config.redis, log)
  const callbacksWait =
    config.spool === null ? undefined : watchSpoolGracePeriod(connection, draining)
  const parts = buildParts(config, connection, log, compose, shared.metrics)
  const khipu = createKhipuClient({
    baseUrl: config.khipuBaseUrl,
    requestTimeoutMs: config.requestTimeoutMs,
    proxy: config.khipuProxy,
    classify
  })
  const { ledger, catalog, quarantine, jobs, operatorAdvance: advance } = parts
  const judge = createJudge({ advance, ledger, catalog, quarantine, jobs, review })
  const operate = { parts: parts.parts, find: catalog.find, judge }
  const common = { connection, replicas: parts.replicas, khipu, seal, callbacksWait, operate, log }
  const concurrency = Math.ceil(config.workerConcurrency / parts.parts.length)
  const workers = parts.parts.map((part) =>
    startWorker({ ...workerDeps(config, shared, part, common), concurrency })
  )
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
      await parts.closeQueues()
      await khipu.close()
      connection.disconnect()
    }
  }
}

type Part = ReturnType<typeof buildParts>['parts'][number]

/** What the workers of all parts have in common. */
interface Common {
  readonly connection: Connection
  readonly replicas: Replicas
  readonly khipu: KhipuClient
  readonly seal: EncryptBody
  readonly callbacksWait: (() => boolean) | undefined
  /** What operations change: requests of all parts. */
  readonly operate: Pick<WorkerDeps['operate'], 'parts' | 'find' | 'judge'>
  readonly log: Logger
}

function workerDeps(
  config: Config,
  { capabilities, capacity, metrics }: Shared,
  part: Part,
  { connection, replicas, khipu, seal, callbacksWait, operate, log }: Common
): Omit<WorkerDeps, 'concurrency'> {
  const { khipuAuthorization: authorization, requestTimeoutMs, ledgerRetentionMs } = config
  const { advance, senderAdvance, ledger, catalog, quarantine, jobs, policy, tag } = part
  return {
    send: {
      advance: senderAdvance,
      ledger,
      replicas,
      settling: { advance: senderAdvance, settle: advance, ledger, quarantine, replicas, seal },
      khipu,
      capabilities,
      callbackUrl: (token) => callbackUrl(config.publicUrl, token),
      authorization,
      requestTimeoutMs,
      canStore: () => !capacity.isFull(),
      sent: metrics.sent,
      log
    },
    callback: { advance, log },
    deadline: { advance, callbacksWait, log },
    watch: { catalog, jobs, log },
    operate: { ...operate, operations: part.operations, operated: metrics.operated, log },
    sweep: sweepDeps(part, ledgerRetentionMs, metrics, log),
    swept: metrics.swept,
    connection,
    tag,
    releasesPerSecond: policy.releasesPerSecond,
    sweepIntervalMs: config.sweepIntervalMs,
    log
  }
}

function sweepDeps(
  part: Part,
  ledgerRetentionMs: number,
  { recovered, strays }: Shared['metrics'],
  log: Logger
): WorkerDeps['sweep'] {
  const { advance, catalog, quarantine, notifications, groups, jobs } = part
  return {
    advance,
    catalog,
    quarantine,
    notifications,
    groups,
    jobs,
    ledgerRetentionMs,
    recovered,
    strays,
    log
  }
}
