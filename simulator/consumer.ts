import { setTimeout as pause } from 'node:timers/promises'
import { type Job, Worker } from 'bullmq'
import { decryptResult } from './decrypt-result.ts'

/** Where the results are, and where the lines about them go. */
export interface ConsumerSettings {
  readonly redisUrl: string
  readonly queue: string
  readonly prefix: string
  /** RESULT_KEYS, where results are encrypted. */
  readonly resultKeys: string
  /** Gets one line per result, without account numbers. */
  readonly log: (line: string) => void
  /** Whether `results` grows; a consumer that runs for long has no use for it. */
  readonly keep: boolean
}

/** The part of a result job (schemas/result.json) that this consumer reads. */
export interface Result {
  readonly requestId: string
  readonly reference: string | null
  readonly outcome: 'delivered' | 'failed'
  readonly completeness: string | null
  readonly reason: string | null
  readonly attempts: number
  readonly response: { readonly Data?: { readonly Transaction?: readonly unknown[] } | null } | null
}

/** A running consumer; `results` holds the data of the jobs as they came, decrypted where it was encrypted. */
export interface Consumer {
  readonly results: readonly Result[]
  close(): Promise<void>
}

/** Starts a simulated consumer: all the code that a consumer of results has to write. */
export function startConsumer(settings: Partial<ConsumerSettings> = {}): Consumer {
  const { redisUrl, queue, prefix, resultKeys, log, keep } = {
    ...defaultConsumerSettings,
    ...settings
  }
  const results: Result[] = []
  const decrypt = (job: Job) => decryptResult(job, resultKeys) as Result

  const worker = new Worker(
    queue,
    async (job) => {
      const result = decrypt(job)
      if (keep) results.push(result)
      log(lineOf(result))
    },
    {
      prefix,
      connection: {
        url: redisUrl,
        maxRetriesPerRequest: null,
        retryStrategy: () => 500,
        // The user of docs/deploy/redis.md has no right to tell Redis its name and version.
        disableClientInfo: true
      }
    }
  )
  worker.on('error', (error) => log(`consumer failed: ${codeOf(error)}`))
  worker.on('failed', (job, error) => log(`result ${job?.id} was not consumed: ${error.message}`))

  return {
    results,
    async close() {
      // Without Redis, close() would wait for ever.
      await Promise.race([worker.close(), pause(3000, undefined, { ref: false })])
    }
  }
}

/** What holds where nothing is said: the service's own defaults. */
export const defaultConsumerSettings: ConsumerSettings = {
  redisUrl: 'redis://127.0.0.1:6379',
  queue: 'khipu-results',
  prefix: 'khipu',
  resultKeys: '',
  log: console.log,
  keep: true
}

/** What the environment says, in the service's own variables, and else the service's own defaults. */
export function consumerSettings(env: NodeJS.ProcessEnv) {
  const { REDIS_URL, RESULT_QUEUE, QUEUE_PREFIX, RESULT_KEYS } = env
  const { redisUrl, queue, prefix, resultKeys } = defaultConsumerSettings
  return {
    redisUrl: REDIS_URL ?? redisUrl,
    queue: RESULT_QUEUE ?? queue,
    prefix: QUEUE_PREFIX ?? prefix,
    resultKeys: RESULT_KEYS ?? resultKeys
  }
}

function lineOf({ requestId, reference, outcome, completeness, reason, ...rest }: Result): string {
  const transactions = rest.response?.Data?.Transaction?.length ?? 0
  const how = outcome === 'delivered' ? completeness : reason
  return (
    `result ${requestId} (${reference ?? 'no reference'}): ${outcome}, ${how}, ` +
    `attempts: ${rest.attempts}, transactions: ${transactions}`
  )
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
