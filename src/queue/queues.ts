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

/** The jobs of one queue that are in one state. */
export interface QueueCount {
  readonly queue: string
  readonly state: 'waiting' | 'active' | 'delayed'
  readonly count: number
}

/** The service's own queues under every hash tag, opened on one connection. */
export interface Queues {
  /** The queues of a request. They share the hash tag of its part of the ledger. */
  of(requestId: string): OwnQueues
  readonly all: readonly Queue[]
  /** How many jobs each queue has, under all tags together. */
  counts(): Promise<readonly QueueCount[]>
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
    counts: () => countJobs(all),
    close: async () => void (await Promise.all(all.map((queue) => queue.close())))
  }
}

async function countJobs(all: readonly Queue[]): Promise<readonly QueueCount[]> {
  const each = await Promise.all(all.map(countOf))
  const byName = Map.groupBy(each.flat(), ({ queue, state }) => `${queue} ${state}`)
  return [...byName.values()].map((counts) =>
    counts.reduce((one, other) => ({ ...one, count: one.count + other.count }))
  )
}

async function countOf(queue: Queue): Promise<readonly QueueCount[]> {
  const jobs = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed')
  const { wait = 0, prioritized = 0, active = 0, delayed = 0 } = jobs
  const of = (state: QueueCount['state'], count: number) => ({ queue: queue.name, state, count })
  return [of('waiting', wait + prioritized), of('active', active), of('delayed', delayed)]
}
