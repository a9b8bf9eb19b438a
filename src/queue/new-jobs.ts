import { jobsOf, type NewJob } from '../core/required-jobs.ts'
import type { Request } from '../core/request.ts'
import { type JobData, OWN_JOB } from './queues.ts'

const OPTIONS = JSON.stringify(OWN_JOB)

function newJob(id: string, data: JobData): NewJob {
  return { id, data: JSON.stringify(data), options: OPTIONS }
}

/** The job that applies a callback: the same for the same callback, however often it comes. */
export function callbackJob(requestId: string, callbackId: string): NewJob {
  const [attempt, hash = ''] = callbackId.split('.')
  const id = `callback-${requestId}-${attempt}-${hash.slice(0, 32)}`
  return newJob(id, { requestId, at: 0 })
}

/** The job that sends a new request at once. */
export function sendJob(request: Request): NewJob {
  const [job] = jobsOf(request)
  if (job?.type !== 'send') throw new Error('the request is not to be sent')
  const { jobId, requestId, at } = job
  return newJob(jobId, { requestId, at })
}
