import { isUnpublished } from './result-head.ts'
import type { Request } from './request.ts'

/** A job that must exist. `at` is an instant in ms by Redis's clock; the id follows from the record alone. */
export interface Job {
  readonly type: 'send' | 'paced' | 'deadline' | 'result'
  readonly jobId: string
  readonly requestId: string
  readonly at: number
}

/** The jobs that must exist for a request in its state: the queues hold nothing that this can't rebuild. */
export function jobsOf(request: Request): readonly Job[] {
  const { requestId, endedAt } = request
  switch (request.state) {
    case 'queued':
    case 'retry-scheduled':
      return timed(request.paced ? 'paced' : 'send', request)
    case 'sending':
    case 'awaiting-callback':
    case 'parked':
      return timed('deadline', request)
    case 'delivered':
    case 'failed':
    case 'cancelled':
      return endedAt !== null && isUnpublished(request)
        ? [{ type: 'result', jobId: requestId, requestId, at: endedAt }]
        : []
  }
}

/** The instant after which a request without progress is overdue; null where nothing is left to do. */
export function progressDueAt(request: Request): number | null {
  return jobsOf(request)[0]?.at ?? null
}

// With the number of attempts: a retry that is due in the millisecond of the job that ran is another job.
function timed(
  type: 'send' | 'paced' | 'deadline',
  { requestId, attempts, dueAt }: Request
): Job[] {
  if (dueAt === null) return []
  return [{ type, jobId: `${type}-${requestId}-${attempts.length}-${dueAt}`, requestId, at: dueAt }]
}
