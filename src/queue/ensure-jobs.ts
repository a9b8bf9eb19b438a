import type { Queue } from 'bullmq'
import { type Job, jobsOf } from '../core/required-jobs.ts'
import { callbackJob } from './new-jobs.ts'
import { waitsForAccount } from '../core/can-send.ts'
import { waitsForProbe } from '../core/probe.ts'
import type { Request } from '../core/request.ts'
import type { Queues } from './queues.ts'
import type { Results } from '../delivery/publish-results.ts'

/** Creates the jobs that the state of a request requires. Every id is deterministic, so this is idempotent. */
export interface RequestJobs extends Results {
  ensure(request: Request, now: number): Promise<void>
  /** Enqueues the processing of a request's received callbacks; `callbackId` names the new one. */
  enqueueCallback(requestId: string, callbackId: string): Promise<void>
  /** Lets a worker publish the result of an ended request. */
  publishLater(requestId: string): Promise<void>
  /** Ensures the jobs of a request that is overdue or next in line, and promotes the delayed ones. */
  promote(request: Request, now: number): Promise<void>
}

/** BullMQ's error code if a job to promote is no longer delayed. */
const NOT_DELAYED = -3

export function createJobs(queues: Pick<Queues, 'of'>, results: Results): RequestJobs {
  async function add({ type, jobId, requestId, at }: Job, now: number): Promise<void> {
    if (type === 'result') return
    await queues
      .of(requestId)
      [type].add(type, { requestId, at }, { jobId, delay: Math.max(0, at - now) })
  }

  // A deadline gets its job as it passes: see `worker/watch-deadlines.ts`.
  async function ensure(request: Request, now: number): Promise<void> {
    const wanted = jobsOf(request).filter(({ type, at }) => type !== 'deadline' || at <= now)
    await Promise.all(wanted.map((job) => add(job, now)))
  }

  async function promoteJob(job: Job, now: number): Promise<void> {
    const { type, jobId, requestId } = job
    if (type === 'result') return
    await promoteOrReplace(queues.of(requestId)[type], jobId, () => add(job, now))
  }

  return {
    ...results,
    ...createCallbackJobs(queues),
    ensure,

    async promote(request, now) {
      await ensure(request, now)
      const waits = waitsForAccount(request) || waitsForProbe(request)
      const late = jobsOf(request).filter(({ at }) => at <= now || waits)
      await Promise.all(late.map((job) => promoteJob(job, now)))
    }
  }
}

/** Adds jobs to the callback queue. For each of them a worker only advances the request. */
function createCallbackJobs({
  of
}: Pick<Queues, 'of'>): Pick<RequestJobs, 'enqueueCallback' | 'publishLater'> {
  const add = async (requestId: string, jobId: string) =>
    void (await of(requestId).callback.add('callback', { requestId, at: 0 }, { jobId }))
  return {
    enqueueCallback: (requestId, callbackId) =>
      add(requestId, callbackJob(requestId, callbackId).id),
    // A separate job: the job of the callback may be running, and may have loaded the request before it ended.
    publishLater: (requestId) => add(requestId, `publish-${requestId}`)
  }
}

/**
 * Promotes a delayed job. A job that lost its place in the queue still blocks its id, so it is deleted and added again.
 */
async function promoteOrReplace(
  queue: Queue,
  jobId: string,
  addJob: () => Promise<void>
): Promise<void> {
  const job = await queue.getJob(jobId)
  if (job === undefined) return
  if (await job.isDelayed()) return job.promote().catch(unlessNotDelayed)
  if (!(await isShort(queue)) || (await job.getState()) !== 'unknown') return
  await job.remove()
  await addJob()
}

function unlessNotDelayed(error: Error & { code?: number }): void {
  if (error.code !== NOT_DELAYED) throw error
}

/**
 * To find a job takes Redis time in proportion to the queue length. A long queue is being processed, and is checked
 * later.
 */
const SHORT = 100

async function isShort(queue: Queue): Promise<boolean> {
  return (await queue.getJobCountByTypes('waiting', 'active')) <= SHORT
}
