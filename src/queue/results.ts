import type { Queue } from 'bullmq'
import pLimit from 'p-limit'
import type { Logger } from 'pino'
import { resultOf } from '../core/publish.ts'
import type { Request } from '../core/request.ts'
import { type Deviation, deviationsIn } from '../schemas/deviations.ts'
import type { KhipuEnvelope, Result, SealedResult } from '../schemas/generated.ts'
import { parseJsonExactly } from '../schemas/json.ts'

/** Puts results on the downstream queue. The job id is the request id, so again is as good as once. */
export interface Results {
  /** The one result of a request that has ended; `open` reads the envelope that was stored for it, if any. */
  publish(request: Request, open: () => Promise<Uint8Array | null>): Promise<void>
  /** The extra result of a request that had failed, after an operator accepted its late callback. */
  publishLate(result: Result): Promise<void>
}

/** Makes of a result what only who holds its keys can read, bound to the id of its job. */
export type SealResult = (plain: Uint8Array, jobId: string) => Uint8Array

/** A body of 10 MB takes ten times that while it becomes a result: few at once, or memory runs out. */
const MOST_AT_ONCE = 2

export interface ResultsDeps {
  readonly log: Logger
  /** Null where a result is the data of its job, as it is. */
  readonly seal: SealResult | null
  /** Counts what differs in a result that was published. */
  readonly deviated: (deviations: readonly Deviation[]) => void
}

export function createResults(queue: Queue, { log, seal, deviated }: ResultsDeps): Results {
  async function add(result: Result, jobId: string): Promise<void> {
    await queue.add(result.outcome, seal ? sealed(seal, result, jobId) : result, { jobId })
    const { requestId, outcome, completeness, reason, attempts, deviations } = result
    deviated(deviations)
    const fields = { requestId, outcome, completeness, reason, attempts }
    log.info({ ...fields, deviations: deviations.length }, 'result published')
  }
  async function publish(request: Request, open: () => Promise<Uint8Array | null>): Promise<void> {
    const body = await open()
    // A body is shredded only once its result was published: by another handler, a moment ago.
    if (body === null && request.response !== null) return
    const deviations = body === null ? [] : deviationsIn(body)
    await add(resultOf(request, body && readStored(body), deviations), request.requestId)
  }

  const limit = pLimit(MOST_AT_ONCE)
  return {
    publish: (request, open) => limit(publish, request, open),
    publishLate: (result) => add(result, `${result.requestId}-late`)
  }
}

/** The text that is sealed is the one that would have been the job's data, number for number. */
function sealed(seal: SealResult, result: Result, jobId: string): SealedResult {
  const bytes = seal(Buffer.from(JSON.stringify(result)), jobId)
  return { requestId: result.requestId, sealed: Buffer.from(bytes).toString('base64') }
}

/** Reads bytes that were checked when they were stored, as they were read then. */
function readStored(body: Uint8Array): KhipuEnvelope {
  return parseJsonExactly(body) as KhipuEnvelope
}
