import type { Queue } from 'bullmq'
import { type Job, jobsOf } from '../core/required-jobs.ts'
import { waitsForAccount } from '../core/can-send.ts'
import { waitsForProbe } from '../core/probe.ts'
import type { Request } from '../core/request.ts'
import type { Queues } from './queues.ts'
import type { Results } from '../delivery/publish-results.ts'

/** Makes the jobs exist that a request's state needs. Every id is deterministic, so that this is idempotent. */
export interface RequestJobs extends Results {
  ensure(before: Request | null, after: Request, now: number): Promise<void>
  /** Has the received callbacks of a request looked at; `callbackId` names the one that came. */
  enqueueCallback(requestId: string, callbackId: string): Promise<void>
  /** Has a worker publish the result of an ended request. */
  publishLater(requestId: string): Promise<void>
  /** Ensures the jobs of a request that is overdue or whose turn has come, and wakes them where they sleep. */
  promote(request: Request, now: number): Promise<void>
}

/** BullMQ's answer where a job to promote is no longer delayed. */
const NOT_DELAYED = -3

export function createJobs(queues: Pick<Queues, 'of'>, results: Results): RequestJobs {
  async function add({ type, jobId, requestId, at }: Job, now: number): Promise<void> {
    if (type === 'result') return
    await queues
      .of(requestId)
      [type].add(type, { requestId, at }, { jobId, delay: Math.max(0, at - now) })
  }

  async function ensure(before: Request | null, after: Request, now: number): Promise<void> {
    const wanted = jobsOf(after)
    await Promise.all(wanted.map((job) => add(job, now)))
    const ids = new Set(wanted.map(({ jobId }) => jobId))
    const obsolete = before === null ? [] : jobsOf(before).filter(({ jobId }) => !ids.has(jobId))
    await Promise.all(obsolete.map(remove))
  }

  // A deadline lies minutes or days ahead; whatever is left of the others runs soon and finds nothing to do.
  async function remove({ type, jobId, requestId }: Job): Promise<void> {
    if (type === 'deadline') await queues.of(requestId).deadline.remove(jobId)
  }

  async function rouse(job: Job, now: number): Promise<void> {
    const { type, jobId, requestId } = job
    if (type === 'result') return
    await rouseIn(queues.of(requestId)[type], jobId, () => add(job, now))
  }

  return {
    ...results,
    ...createWakers(queues),
    ensure,

    async promote(request, now) {
      await ensure(null, request, now)
      const waits = waitsForAccount(request) || waitsForProbe(request)
      const late = jobsOf(request).filter(({ at }) => at <= now || waits)
      await Promise.all(late.map((job) => rouse(job, now)))
    }
  }
}

/** The jobs of the callbacks' queue: to advance the request is all that a worker does for any of them. */
function createWakers({
  of
}: Pick<Queues, 'of'>): Pick<RequestJobs, 'enqueueCallback' | 'publishLater'> {
  const add = async (requestId: string, jobId: string) =>
    void (await of(requestId).callback.add('callback', { requestId, at: 0 }, { jobId }))
  return {
    enqueueCallback(requestId, callbackId) {
      const [attempt, hash = ''] = callbackId.split('.')
      return add(requestId, `callback-${requestId}-${attempt}-${hash.slice(0, 32)}`)
    },
    // A job of its own: that of the callback may be running, and have loaded the request before it ended.
    publishLater: (requestId) => add(requestId, `publish-${requestId}`)
  }
}

/** One that sleeps is woken. One whose place in the queue was lost keeps its id from being used again: it is made anew. */
async function rouseIn(queue: Queue, jobId: string, addAgain: () => Promise<void>): Promise<void> {
  const job = await queue.getJob(jobId)
  if (job === undefined) return
  if (await job.isDelayed()) return job.promote().catch(unlessAwake)
  if (!(await isShort(queue)) || (await job.getState()) !== 'unknown') return
  await job.remove()
  await addAgain()
}

function unlessAwake(error: Error & { code?: number }): void {
  if (error.code !== NOT_DELAYED) throw error
}

/** To look for a job takes Redis as long as the queue is: a long one is being worked off, and looked through later. */
const SHORT = 100

async function isShort(queue: Queue): Promise<boolean> {
  return (await queue.getJobCountByTypes('waiting', 'active')) <= SHORT
}
