import { type Job, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { Policy } from '../../../src/core/policy.ts'
import type { SecretKey } from '../../../src/core/secret-key.ts'
import type { Answer } from '../../../src/core/answer.ts'
import type { KhipuRequest } from '../../../src/khipu/client.ts'
import { hashTag } from '../../../src/ledger/keys.ts'
import type { Handled } from '../../../src/queue/consume.ts'
import type { JobData, QueueName } from '../../../src/queue/queues.ts'
import type { FlatSendDeps } from '../../helpers/handlers.ts'
import { REQUEST_TIMEOUT_MS } from '../../helpers/requests.ts'
import { connectTo, DAY, deleteKeys, openLog, openParts, secretKey } from '../../helpers/service.ts'
import { type Clock, startClock } from './clock.ts'
import { type Gate, gateOf } from './gate.ts'

export const QUEUES = ['send', 'paced', 'callback', 'deadline'] as const

/** A job that a process has in hand, or had when it died. */
export interface Taken {
  readonly queue: QueueName
  readonly job: Job<JobData>
}

/** A process of the service: its own connection behind a gate, and all that its handlers need. */
export interface Process {
  readonly gate: Gate
  readonly deps: FlatSendDeps & Awaited<ReturnType<typeof openParts>>
  close(): Promise<void>
}

/** What a process does instead of a POST to Khipu. */
export type Posting = (request: KhipuRequest) => Promise<Answer>

/** A Redis with a clock that can be moved, the queues as a scheduler sees them, and processes to start. */
export interface Site {
  /** The test's own connection. */
  readonly redis: Redis
  readonly tag: string
  readonly prefix: string
  readonly clock: Clock
  start(post: Posting, random: () => number): Promise<Process>
  /** The next job of a queue that is due by its clock; null where none is. */
  take(queue: QueueName): Promise<Taken | null>
  /** What a worker does with a job once its handler is done. */
  finish(taken: Taken, handled: Handled): Promise<void>
  /** Hands the jobs of the dead to whoever comes next. */
  takeOver(): Promise<void>
  /** Forgets all keys and jobs. */
  clear(): Promise<void>
  close(): Promise<void>
}

const TOKEN = 'the-scheduler'
/** In a model nobody lapses by accident: who is dead is known. */
const LOCK_MS = 3_600_000
const YEARS = 3650 * DAY

/** Opens a site at a Redis, under a prefix that nobody else may have. */
export async function openSite(url: string, prefix: string, policy: Policy): Promise<Site> {
  const tag = hashTag(prefix, 0)
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  const clock = await startClock(redis, tag)
  const secretKeys: readonly [SecretKey] = [secretKey('k1')]
  const settings = { connection: redis, prefix: tag, autorun: false, lockDuration: LOCK_MS }
  const workers = {
    send: new Worker<JobData>('send', null, settings),
    paced: new Worker<JobData>('paced', null, settings),
    callback: new Worker<JobData>('callback', null, settings),
    deadline: new Worker<JobData>('deadline', null, settings)
  }
  await Promise.all(QUEUES.map((queue) => workers[queue].waitUntilReady()))
  const inHand = new Set<Taken>()
  return {
    redis,
    tag,
    prefix,
    clock,
    start: (post, random) => startProcess({ url, prefix, policy, clock, secretKeys }, post, random),

    async take(queue) {
      const job = await workers[queue].getNextJob(TOKEN, { block: false })
      if (!job) return null
      const taken = { queue, job }
      inHand.add(taken)
      return taken
    },

    async finish(taken, handled) {
      const { job } = taken
      inHand.delete(taken)
      const finished = handled
        ? job.moveToDelayed(Date.now() + handled.sleepMs, TOKEN)
        : job.moveToCompleted(undefined, TOKEN, false)
      await finished.catch(ignoreLost)
    },

    async takeOver() {
      for (const { job } of inHand) await job.moveToWait(TOKEN).catch(ignoreLost)
      inHand.clear()
    },

    async clear() {
      inHand.clear()
      await deleteKeys(url, prefix)
      clock.skew(0)
      await clock.pass(0)
    },

    async close() {
      clock.release()
      await Promise.all(QUEUES.map((queue) => workers[queue].close()))
      redis.disconnect()
      await deleteKeys(url, prefix)
    }
  }
}

/** BullMQ's answers where a job, or its lock, is gone: its keys were lost, or its twin has finished it. */
const LOST: ReadonlySet<unknown> = new Set([-1, -2, -3, -6])

function ignoreLost(error: Error & { readonly code?: unknown }): void {
  if (!LOST.has(error.code)) throw error
}

interface Setting {
  readonly url: string
  readonly prefix: string
  readonly policy: Policy
  readonly clock: Clock
  readonly secretKeys: readonly [SecretKey]
}

async function startProcess(
  { url, prefix, policy, clock, secretKeys }: Setting,
  post: Posting,
  random: () => number
): Promise<Process> {
  const { log } = openLog()
  const redis = await connectTo(url, log)
  const gate = gateOf(redis)
  clock.rule(redis)
  const quarantine = { mostEntries: 10_000, mostBytes: 1e9, retentionMs: YEARS }
  const wishes = { policy, secretKeys, quarantine, ledgerRetentionMs: YEARS }
  const parts = await openParts(redis, prefix, log, wishes)
  return {
    gate,
    deps: {
      ...parts,
      random,
      khipu: { send: post, close: async () => {} },
      callbackUrl: (token) => token,
      authorization: { apiKey: 'key-of-the-service' },
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      canStore: () => true,
      sent: () => {}
    },
    async close() {
      if (!gate.isDead) await parts.queues.close()
      redis.disconnect()
    }
  }
}
