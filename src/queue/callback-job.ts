import { type JobData, OWN_JOB } from './queues.ts'

/** A job as a script of the ledger adds it. */
export interface CallbackJob {
  readonly id: string
  /** The JSON of its data. */
  readonly data: string
  /** The JSON of its options. */
  readonly options: string
}

/** The job that applies a callback: the same for the same callback, however often it comes. */
export function callbackJob(requestId: string, callbackId: string): CallbackJob {
  const [attempt, hash = ''] = callbackId.split('.')
  const data: JobData = { requestId, at: 0 }
  const id = `callback-${requestId}-${attempt}-${hash.slice(0, 32)}`
  return { id, data: JSON.stringify(data), options: OPTIONS }
}

const OPTIONS = JSON.stringify(OWN_JOB)
