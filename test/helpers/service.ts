import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { type Logger, pino } from 'pino'
import type { Test } from 'tap'
import { BUILT_IN_POLICY, type Policy } from '../../src/core/policy.ts'
import type { SecretKey } from '../../src/core/secret-key.ts'
import { createCapabilities } from '../../src/crypto/callback-token.ts'
import { openLedger } from '../../src/ledger/open-ledger.ts'
import { joinPartitions } from '../../src/ledger/partitions.ts'
import { awaitReplicas } from '../../src/redis/replicas.ts'
import type { QuarantineBounds } from '../../src/ledger/quarantine.ts'
import { type Connection, connectWaiting, type RedisAddress } from '../../src/redis/connect.ts'
import { openBullmqSink } from '../../src/delivery/bullmq-sink.ts'
import { composeInline } from '../../src/delivery/compose-result.ts'
import { createResults, type ResultsDeps } from '../../src/delivery/publish-results.ts'
import { createJobs } from '../../src/queue/ensure-jobs.ts'
import { createCipher, type EncryptBody, encryptInline } from '../../src/crypto/encrypt.ts'
import { examineInline } from '../../src/callbacks/examine-body.ts'
import { type Review, reviewInline } from '../../src/operator/review-body.ts'
import { type Show, showInline } from '../../src/operator/show-body.ts'
import { openQueues } from '../../src/queue/queues.ts'
import { addressOf } from './redis-address.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR

const QUARANTINE = { mostEntries: 10_000, mostBytes: 1e9, retentionMs: 30 * DAY }

/** What a test may want different from the service's defaults. */
export interface Wishes {
  readonly url?: string
  readonly connect?: (address: RedisAddress, log: Logger) => Connection
  readonly policy?: Policy
  readonly quarantine?: QuarantineBounds
  readonly singleFlight?: boolean
  readonly authorizationExpiresAt?: number
  readonly callbackTimeoutMs?: number
  readonly partitions?: number
  readonly ackReplicas?: number
  readonly ledgerRetentionMs?: number
  readonly secretKeys?: readonly [SecretKey, ...SecretKey[]]
}

/** The ledger and the queues on a real Redis, under a prefix that nobody else has. */
export type Service = Awaited<ReturnType<typeof openService>>

/** Opens them for one test, which leaves no key behind. */
export async function openService(t: Test, wishes: Wishes = {}) {
  const { url = redisUrl(), connect = connectWaiting } = wishes
  const { lines, log } = openLog()
  const redis = await connectTo(url, log, connect)
  const queuePrefix = `test-${randomBytes(6).toString('hex')}`
  const parts = await openParts(redis, queuePrefix, log, wishes)
  t.teardown(async () => {
    await parts.closeQueues()
    redis.disconnect()
    await deleteKeys(url, queuePrefix)
  })
  return { ...parts, url, lines }
}

/** A connection to one Redis, ready. */
export async function connectTo(
  url: string,
  log: Logger,
  connect: NonNullable<Wishes['connect']> = connectWaiting
): Promise<Redis> {
  const redis = connect(addressOf(url), log)
  if (!(redis instanceof Redis)) throw new Error('not for a Cluster')
  await once(redis, 'ready')
  return redis
}

/** What `openService` opens, on a connection and under a prefix of the caller's. Chance adds nothing: `random` is 0. */
export async function openParts(redis: Redis, queuePrefix: string, log: Logger, wishes: Wishes) {
  const { secretKeys = [secretKey('k1')], ledgerRetentionMs = 30 * DAY } = wishes
  const retention = { ledgerRetentionMs, resultRetentionMs: 3 * DAY }
  const { policy = BUILT_IN_POLICY, quarantine = QUARANTINE, singleFlight = true } = wishes
  const guarded = { policy, quarantine, singleFlight }
  const ledgerSettings = { queuePrefix, secretKeys, ...guarded, ...retention }
  const count = wishes.partitions ?? 1
  const first = openLedger(redis, ledgerSettings, { index: 0, count })
  const others = Array.from({ length: count - 1 }, (_, index) =>
    openLedger(redis, ledgerSettings, { index: index + 1, count })
  )
  const tags = [first.tag, ...others.map(({ tag }) => tag)] as const
  const opened = await openTestQueues(redis, queuePrefix, tags)
  const { queues, sink, resultQueue, closeQueues } = opened
  const cipher = createCipher(secretKeys)
  const readHere: { seal: EncryptBody; review: Review; show: Show } = {
    seal: encryptInline(cipher),
    review: reviewInline(cipher),
    show: showInline
  }
  const common = {
    ...readHere,
    replicas: awaitReplicas(redis, wishes.ackReplicas ?? 0, 'khipu:fence'),
    sink,
    jobs: jobsOf(opened, log),
    policy,
    authorizationExpiresAt: wishes.authorizationExpiresAt ?? null,
    callbackTimeoutMs: wishes.callbackTimeoutMs ?? HOUR / 2,
    random: () => 0,
    backlog: sink.backlog
  }
  const all = joinPartitions([first, ...others])
  return {
    ...first,
    ...common,
    newRequestId: all.newRequestId,
    /** All partitions as one; everything else here is of the first. */
    all,
    parts: [first, ...others].map((part) => ({ ...part, ...common })),
    ledgerSettings,
    redis,
    queuePrefix,
    queues,
    resultQueue,
    closeQueues,
    capabilities: createCapabilities(secretKeys),
    examine: examineInline(cipher),
    ledgerRetentionMs,
    log
  }
}

/** The service's own queues, where its results go, and the result queue as a consumer opens it. */
export async function openTestQueues(
  redis: Redis,
  queuePrefix: string,
  tags: readonly [string, ...string[]]
) {
  const joined = openQueues(redis, { tags })
  const queues = { ...joined.of(''), ...joined }
  const resultQueue = 'khipu-results'
  const sink = openBullmqSink(redis, { queuePrefix, resultQueue, resultRetentionMs: 3 * DAY })
  const consumer = new Queue(resultQueue, { connection: redis, prefix: queuePrefix })
  consumer.on('error', () => {})
  const { send, callback, deadline } = queues
  await Promise.all([send, callback, deadline, consumer].map((queue) => queue.waitUntilReady()))
  const closeQueues = async () =>
    void (await Promise.all([queues.close(), sink.close(), consumer.close()]))
  return { queues, sink, resultQueue: consumer, closeQueues }
}

/** Jobs and results on those queues. */
export function jobsOf(
  { queues, sink }: Pick<Awaited<ReturnType<typeof openTestQueues>>, 'queues' | 'sink'>,
  log: Logger,
  { compose = composeInline(), deviated = () => {} }: Partial<ResultsDeps> = {}
) {
  return createJobs(queues, createResults(sink, { log, compose, deviated }))
}

/** The Redis of the run. */
export function redisUrl(): string {
  const url = process.env['REDIS_URL']
  if (url === undefined) throw new Error('REDIS_URL is not set: run npm test -- <file>')
  return url
}

/** A log, and the lines that were written to it. */
export function openLog() {
  const lines: string[] = []
  return { lines, log: pino({ level: 'trace' }, { write: (line) => void lines.push(line) }) }
}

export function secretKey(kid: string): SecretKey {
  return { kid, bytes: randomBytes(32) }
}

/** Resolves in the next millisecond of Redis's clock. */
export async function tick({ catalog }: Pick<Service, 'catalog'>): Promise<void> {
  const before = await catalog.now()
  while ((await catalog.now()) === before);
}

/** Every key with the text in its name. */
export async function keysWith(redis: Redis, text: string): Promise<string[]> {
  const found: string[] = []
  for await (const keys of redis.scanStream({ match: `*${text}*`, count: 1000 })) {
    found.push(...(keys as string[]))
  }
  return [...new Set(found)].toSorted()
}

/** Deletes every key with the text in its name. */
export async function deleteKeys(url: string, text: string): Promise<void> {
  const redis = new Redis(url)
  const keys = await keysWith(redis, text)
  if (keys.length > 0) await redis.unlink(keys)
  redis.disconnect()
}
