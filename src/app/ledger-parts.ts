import type { Logger } from 'pino'
import type { Config } from '../config/read-config.ts'
import { expiryOf } from '../khipu/jwt-expiry.ts'
import { watchCapacity } from '../redis/capacity.ts'
import { type AdvanceDeps, createAdvance, publishSafely } from '../ledger/advance.ts'
import { createSenderAdvance } from '../worker/sender-advance.ts'
import { MOST_CALLBACKS } from '../ledger/receive.ts'
import { type LedgerSettings, openLedger } from '../ledger/open-ledger.ts'
import { awaitPartitionCheck, checkPartitions, joinPartitions } from '../ledger/partitions.ts'
import { joinEvents } from '../ledger/events/joined-events.ts'
import { awaitReplicas } from '../redis/replicas.ts'
import { createCipher, type EncryptBody } from '../crypto/encrypt.ts'
import { openBullmqSink, type ResultQueueSettings } from '../delivery/bullmq-sink.ts'
import type { Connection } from '../redis/connect.ts'
import { type Compose, composeInline } from '../delivery/compose-result.ts'
import { createJobs, type RequestJobs } from '../queue/ensure-jobs.ts'
import { createOperatorAdvance } from '../operator/operator-advance.ts'
import { openQueues } from '../queue/queues.ts'
import { createResults, type ResultsDeps } from '../delivery/publish-results.ts'
import type { Quarantine } from '../ledger/quarantine/quarantine.ts'
import type { QuarantineKind } from '../schemas/generated.ts'
import { openSpool, type Spool } from '../spool/spool.ts'

/** The settings of the ledger, of the queues and of the result queue. */
export type PartsConfig = LedgerSettings &
  ResultQueueSettings &
  Pick<Config, 'khipuAuthorization' | 'callbackTimeoutMs' | 'partitions' | 'ackReplicas'>

/** What the parts count. */
export interface PartsCounts {
  readonly deviated: ResultsDeps['deviated']
  readonly changed: AdvanceDeps['changed']
  readonly quarantined: (kind: QuarantineKind) => void
}

const UNCOUNTED: PartsCounts = { deviated: () => {}, changed: () => {}, quarantined: () => {} }

/**
 * The ledger and the queues on one connection. The listeners' connection and the workers' connection must never share
 * them.
 */
export function buildParts(
  config: PartsConfig,
  redis: Connection,
  log: Logger,
  compose: Compose = composeInline(),
  { deviated, changed, quarantined }: PartsCounts = UNCOUNTED
) {
  const { khipuAuthorization, callbackTimeoutMs } = config
  const [first, ...others] = openPartitions(config, redis, quarantined)
  const check = { count: config.partitions, agreeOnCount: first.agreeOnCount }
  const tags = [first.tag, ...others.map(({ tag }) => tag)] as const
  const queues = openQueues(redis, { tags })
  const sink = openBullmqSink(redis, config)
  const replicas = awaitReplicas(redis, config.ackReplicas, `${first.tag}:fence`)
  const jobs = publishSafely(
    createJobs(queues, createResults(sink, { log, compose, deviated })),
    replicas
  )
  const authorizationExpiresAt = khipuAuthorization && expiryOf(khipuAuthorization)
  // Each partition limits its own release rate. The rates add up to the rate of the policy.
  const releasesPerSecond = config.policy.releasesPerSecond / config.partitions
  const policy = { ...config.policy, releasesPerSecond }
  const { random } = Math
  const common = { jobs, policy, callbackTimeoutMs, authorizationExpiresAt, random, changed }
  const joined = { ...joinPartitions([first, ...others]), ...common }
  return {
    ...joined,
    operatorAdvance: createOperatorAdvance(joined),
    parts: [first, ...others].map((part) => withAdvance({ ...part, ...common })),
    accounts: first.accounts,
    /** The audit log is in one partition, whatever it is about. */
    audit: first.audit,
    events: joinEvents([first, ...others].map(({ events }) => events)),
    cursors: first.cursors,
    /** Rejects where the ledger has another number of partitions than the configuration, or Redis does not answer. */
    checkLedger: () => checkPartitions(check),
    /** Waits until Redis answers, then does the same check. */
    awaitLedgerCheck: () => awaitPartitionCheck(check),
    queues,
    sink,
    replicas,
    backlog: sink.backlog,
    watchCapacity: () => watchCapacity(redis, log, config.ackReplicas),
    async closeQueues() {
      await Promise.all([queues.close(), sink.close()])
    }
  }
}

type Part = ReturnType<typeof openLedger> & AdvanceDeps & { readonly jobs: RequestJobs }

function withAdvance(part: Part) {
  return {
    ...part,
    pace: part.notifications,
    advance: createAdvance(part),
    senderAdvance: createSenderAdvance(part),
    operatorAdvance: createOperatorAdvance(part)
  }
}

function openPartitions(
  config: PartsConfig,
  redis: Connection,
  quarantined: PartsCounts['quarantined']
) {
  const open = (index: number) => {
    const part = openLedger(redis, config, { index, count: config.partitions })
    return { ...part, quarantine: countKept(part.quarantine, quarantined) }
  }
  const others = Array.from({ length: config.partitions - 1 }, (_, index) => open(index + 1))
  return [open(0), ...others] as const
}

function countKept(quarantine: Quarantine, quarantined: PartsCounts['quarantined']): Quarantine {
  return {
    ...quarantine,
    async keep(from, kind, ...kept) {
      const id = await quarantine.keep(from, kind, ...kept)
      if (id !== null) quarantined(kind)
      return id
    }
  }
}

/** Room for SQLite's write-ahead log, and as much again for the space that removing the largest callbacks takes. */
const LEFT_FREE_BYTES = 32 * 1024 * 1024

/** More than encryption adds to a body: 29 bytes and the key id. */
const ENCRYPTION_BYTES = 64

/** Opens the spool where SPOOL_DIR is set; throws where that folder cannot hold a spool. */
export function buildSpool(
  { spool, bodyLimit, secretKeys }: Pick<Config, 'spool' | 'bodyLimit' | 'secretKeys'>,
  seal: EncryptBody
): Spool | null {
  if (spool === null) return null
  const cipher = createCipher(secretKeys)
  return openSpool({
    ...spool,
    mostOfRequest: MOST_CALLBACKS,
    // A tenth, as in the quarantine, so that the callbacks of one request cannot fill the spool. It is never less than
    // the largest body.
    mostBytesOfRequest: Math.max(Math.floor(spool.mostBytes / 10), bodyLimit + ENCRYPTION_BYTES),
    leaveFree: LEFT_FREE_BYTES,
    cipher: {
      encrypt: async (plain, id) => (await seal(plain, id)).sealed,
      decrypt: cipher.decrypt
    }
  })
}
