import { Queue } from 'bullmq'
import { holderOf } from '../core/placement.ts'
import type { Connection } from '../redis/connect.ts'

/** The names of the service's own queues. Their keys begin with a hash tag. */
export type QueueName = 'send' | 'paced' | 'callback' | 'deadline'

/** The data of a job in these queues; everything else is in the ledger. `at` is ms since 1970 by Redis's clock. */
export interface JobData {
  readonly requestId: string
  readonly at: number
}

/** The service's own queues under one hash tag. */
export type OwnQueues = Readonly<Record<QueueName, Queue<JobData>>>

/** The service's own queues under every hash tag, opened on one connection. */
export interface Queues {
  /** The queues of a request. They share the hash tag of its part of the ledger. */
  of(requestId: string): OwnQueues
  readonly all: readonly Queue[]
  close(): Promise<void>
}

export interface QueueSettings {
  /** The hash tags of the ledger, in the order of its parts. */
  readonly tags: readonly [string, ...string[]]
}

/**
 * Jobs of our own queues are deleted once they ran. The ledger is the system of record, and a free job id can be used
 * again. The attempts are for handlers that threw, independent of Error.Type.
 */
export const OWN_JOB = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 8,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 }
} as const

export function openQueues(connection: Connection, { tags }: QueueSettings): Queues {
  // BullMQ checks the version with INFO and never forgets a failure. One short outage of Redis at the start would leave
  // a queue that rejects every job. The workers check the version themselves.
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
  // Connection errors are logged by the module that connects. A failed command rejects its promise.
  for (const queue of all) queue.on('error', () => {})
  return {
    of: (requestId) => holderOf(perTag, requestId),
    all,
    close: async () => void (await Promise.all(all.map((queue) => queue.close())))
  }
}
