import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { type Logger, pino } from 'pino'
import type { Test } from 'tap'
import { buildParts } from '../../src/app/ledger-parts.ts'
import { BUILT_IN_POLICY, type Policy } from '../../src/core/policy.ts'
import type { SecretKey } from '../../src/core/secret-key.ts'
import { createCapabilities } from '../../src/crypto/callback-token.ts'
import type { QuarantineBounds } from '../../src/ledger/quarantine/quarantine.ts'
import { type Connection, connectWaiting, type RedisAddress } from '../../src/redis/connect.ts'
import { composeInline } from '../../src/delivery/compose-result.ts'
import { createResults, type ResultsDeps } from '../../src/delivery/publish-results.ts'
import { createJobs } from '../../src/queue/ensure-jobs.ts'
import type { Joined } from '../../src/ledger/partitions.ts'
import { createCipher, type EncryptBody, encryptInline } from '../../src/crypto/encrypt.ts'
import { examineInline } from '../../src/callbacks/examine-body.ts'
import { type Review, reviewInline } from '../../src/operator/review-body.ts'
import { type Show, showInline } from '../../src/operator/show-body.ts'
import { addressOf } from './redis-address.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR

const DEFAULTS = {
  policy: BUILT_IN_POLICY,
  callbackTimeoutMs: HOUR / 2,
  khipuAuthorization: null,
  singleFlight: true,
  events: true,
  partitions: 1,
  ackReplicas: 0,
  resultQueue: 'khipu-results',
  ledgerRetentionMs: 30 * DAY,
  resultRetentionMs: 3 * DAY,
  quarantine: { mostEntries: 10_000, mostBytes: 1e9, retentionMs: 30 * DAY }
}

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
  const { authorizationExpiresAt = null, url: _url, connect: _connect, ...settings } = wishes
  const config = { ...DEFAULTS, queuePrefix, secretKeys: newKeys(), ...settings }
  const { parts, ...all } = buildParts(config, redis, log)
  const cipher = createCipher(config.secretKeys)
  const consumer = new Queue(config.resultQueue, { connection: redis, prefix: queuePrefix })
  consumer.on('error', () => {})
  const queues = { ...all.queues.of(''), ...all.queues }
  const { send, callback, deadline } = queues
  await Promise.all([send, callback, deadline, consumer].map((queue) => queue.waitUntilReady()))
  const seal: EncryptBody = encryptInline(cipher)
  const review: Review = reviewInline(cipher)
  const show: Show = showInline
  const common = {
    jobs: all.jobs,
    policy: config.policy,
    callbackTimeoutMs: config.callbackTimeoutMs,
    replicas: all.replicas,
    sink: all.sink,
    backlog: all.backlog,
    authorizationExpiresAt,
    random: () => 0,
    seal,
    review,
    show,
    accepted: () => {},
    recovered: () => {},
    strays: () => {},
    swept: () => {}
  }
  const [first] = parts
  if (first === undefined) throw new Error('a ledger has at least one partition')
  return {
    ...first,
    ...common,
    newRequestId: all.newRequestId,
    /** All partitions as one; everything else here is of the first. */
    all: pick(all),
    parts: parts.map((part) => ({ ...part, ...common })),
    ledgerSettings: config,
    redis,
    queuePrefix,
    queues,
    resultQueue: consumer,
    async closeQueues() {
      await Promise.all([all.closeQueues(), consumer.close()])
    },
    capabilities: createCapabilities(config.secretKeys),
    examine: examineInline(cipher),
    ledgerRetentionMs: config.ledgerRetentionMs,
    log
  }
}

function pick(all: Joined): Joined {
  const { ledger, catalog, quarantine, idempotency, operations, newRequestId } = all
  return { ledger, catalog, quarantine, idempotency, operations, newRequestId }
}

const newKeys = () => [secretKey('k1')] as const

/** Jobs and results on the queues of a service, published in another way than its own. */
export function jobsOf(
  { queues, sink }: Pick<Service, 'queues' | 'sink'>,
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
