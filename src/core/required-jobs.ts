import { isUnpublished } from './result-head.ts'
import type { Request } from './request.ts'

/** A job that must exist. `at` is an instant in ms by Redis's clock. The id is computed from the record alone. */
export interface Job {
  readonly type: 'send' | 'paced' | 'deadline' | 'result'
  readonly jobId: string
  readonly requestId: string
  readonly at: number
}

/** A job that a script of the ledger adds: its id, and the JSON of its data and of its options. */
export interface NewJob {
  readonly id: string
  readonly data: string
  readonly options: string
}

/** The jobs that must exist for a request in its state. All jobs in the queues can be rebuilt from it. */
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

/** The instant after which a request without progress is overdue; null if no step is left. */
export function progressDueAt(request: Request): number | null {
  return jobsOf(request)[0]?.at ?? null
}

// The id includes the number of attempts. A retry may be due in the same millisecond as the job that ran, and needs
// another id.
function timed(
  type: 'send' | 'paced' | 'deadline',
  { requestId, attempts, dueAt }: Request
): Job[] {
  if (dueAt === null) return []
  return [{ type, jobId: `${type}-${requestId}-${attempts.length}-${dueAt}`, requestId, at: dueAt }]
}
