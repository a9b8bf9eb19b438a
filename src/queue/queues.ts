import { Queue } from 'bullmq'
import { holderOf } from '../core/placement.ts'
import type { Connection } from '../redis/connect.ts'

/** The names of the service's own queues; their keys begin with a hash tag. */
export type QueueName = 'send' | 'paced' | 'callback' | 'deadline'

/** What a job of these queues carries: the ledger has the rest. `at` is ms since 1970 by Redis's clock. */
export interface JobData {
  readonly requestId: string
  readonly at: number
}

/** The service's own queues under one hash tag. */
export type OwnQueues = Readonly<Record<QueueName, Queue<JobData>>>

/** The service's own queues under every hash tag, opened on one connection. */
export interface Queues {
  /** The queues of a request, which share the hash tag of its ledger. */
  of(requestId: string): OwnQueues
  close(): Promise<void>
}

export interface QueueSettings {
  /** The hash tags of the ledger, in their order. */
  readonly tags: readonly [string, ...string[]]
}

/**
 * Nothing of our own queues is kept once it ran: the ledger is the truth, and a job whose id is free
 * can be made again. The attempts are for handlers that threw; Error.Type has no say in them.
 */
const OWN_JOB = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 8,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 }
} as const

export function openQueues(connection: Connection, { tags }: QueueSettings): Queues {
  // BullMQ's check of the version is an INFO whose failure it never forgets: one hiccup of Redis at the
  // start would leave a queue that refuses every job. The workers check the version on their own.
  const shared = { connection, skipVersionCheck: true }
  const own = (prefix: string): OwnQueues => {
    const open = (name: QueueName) =>
      new Queue<JobData>(name, { ...shared, prefix, defaultJobOptions: OWN_JOB })
    return {
      send: open('send'),
      paced: open('paced'),
      callback: open('callback'),
      deadline: open('deadline')
    }
  }
  const perTag = [own(tags[0]), ...tags.slice(1).map(own)] as const
  const all: Queue[] = perTag.flatMap((queues) => Object.values(queues))
  // Connection errors are logged where the connection is made; a failed command rejects its promise.
  for (const queue of all) queue.on('error', () => {})
  return {
    of: (requestId) => holderOf(perTag, requestId),
    close: async () => void (await Promise.all(all.map((queue) => queue.close())))
  }
}
