import type { Logger } from 'pino'
import { type Job, jobsOf } from '../core/jobs.ts'
import { resultOf } from '../core/publish.ts'
import type { Request } from '../core/request.ts'
import type { KhipuEnvelope, Result } from '../schemas/generated.ts'
import { parseJson } from '../schemas/json.ts'
import type { Queues } from './queues.ts'

/** The jobs that a request's state asks for, made to exist. Every id is deterministic: again is as good as once. */
export interface RequestJobs {
  ensure(before: Request | null, after: Request, now: number): Promise<void>
  publish(request: Request, body: Uint8Array | null): Promise<void>
  /** The extra result of a request that had failed, after an operator accepted its late callback. */
  publishLate(result: Result): Promise<void>
  /** Has the received callbacks of a request looked at; `callbackId` names the one that came. */
  wake(requestId: string, callbackId: string): Promise<void>
  /** Ensures the jobs of an overdue request, and wakes those that sleep past their instant. */
  hurry(request: Request, now: number): Promise<void>
}

/** BullMQ's answer where a job to promote is no longer delayed. */
const NOT_DELAYED = -3

export function createJobs(queues: Queues, log: Logger): RequestJobs {
  async function add({ type, jobId, requestId, at }: Job, now: number): Promise<void> {
    if (type === 'result') return
    await queues[type].add(type, { requestId, at }, { jobId, delay: Math.max(0, at - now) })
  }

  async function ensure(before: Request | null, after: Request, now: number): Promise<void> {
    const wanted = jobsOf(after)
    await Promise.all(wanted.map((job) => add(job, now)))
    const ids = new Set(wanted.map(({ jobId }) => jobId))
    const obsolete = before === null ? [] : jobsOf(before).filter(({ jobId }) => !ids.has(jobId))
    await Promise.all(obsolete.map(remove))
  }

  // A deadline lies minutes or days ahead; whatever is left of the others runs soon and finds nothing to do.
  async function remove({ type, jobId }: Job): Promise<void> {
    if (type === 'deadline') await queues.deadline.remove(jobId)
  }

  async function promote({ type, jobId }: Job): Promise<void> {
    const job = type === 'result' ? undefined : await queues[type].getJob(jobId)
    if (job === undefined || !(await job.isDelayed())) return
    await job.promote().catch((error: Error & { code?: number }) => {
      if (error.code !== NOT_DELAYED) throw error
    })
  }

  return {
    ensure,

    async publish(request, body) {
      const response = body && readStored(body)
      const result = resultOf(request, response)
      await queues.result.add(result.outcome, result, { jobId: request.requestId })
      const { requestId, outcome, completeness, reason, attempts } = result
      log.info({ requestId, outcome, completeness, reason, attempts }, 'result published')
    },

    async publishLate(result) {
      await queues.result.add(result.outcome, result, { jobId: `${result.requestId}-late` })
    },

    async wake(requestId, callbackId) {
      const [attempt, hash = ''] = callbackId.split('.')
      const jobId = `callback-${requestId}-${attempt}-${hash.slice(0, 32)}`
      await queues.callback.add('callback', { requestId, at: 0 }, { jobId })
    },

    async hurry(request, now) {
      await ensure(null, request, now)
      const late = jobsOf(request).filter(({ at }) => at <= now)
      await Promise.all(late.map(promote))
    }
  }
}

/** Reads bytes that were checked when they were stored, as they were read then. */
function readStored(body: Uint8Array): KhipuEnvelope {
  const parsed = parseJson(body)
  if (!parsed.ok) throw new Error(`a stored envelope ${parsed.fault.message}`)
  return parsed.value as KhipuEnvelope
}
