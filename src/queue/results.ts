import type { Queue } from 'bullmq'
import type { Logger } from 'pino'
import { resultOf } from '../core/publish.ts'
import type { Request } from '../core/request.ts'
import type { KhipuEnvelope, Result } from '../schemas/generated.ts'
import { parseJson } from '../schemas/json.ts'

/** Puts results on the downstream queue. The job id is the request id, so again is as good as once. */
export interface Results {
  /** The one result of a request that has ended, with the envelope that was stored for it, if any. */
  publish(request: Request, body: Uint8Array | null): Promise<void>
  /** The extra result of a request that had failed, after an operator accepted its late callback. */
  publishLate(result: Result): Promise<void>
}

export function createResults(queue: Queue, log: Logger): Results {
  async function add(result: Result, jobId: string): Promise<void> {
    await queue.add(result.outcome, result, { jobId })
    const { requestId, outcome, completeness, reason, attempts } = result
    log.info({ requestId, outcome, completeness, reason, attempts }, 'result published')
  }
  return {
    publish: (request, body) => add(resultOf(request, body && readStored(body)), request.requestId),
    publishLate: (result) => add(result, `${result.requestId}-late`)
  }
}

/** Reads bytes that were checked when they were stored, as they were read then. */
function readStored(body: Uint8Array): KhipuEnvelope {
  const parsed = parseJson(body)
  if (!parsed.ok) throw new Error(`a stored envelope ${parsed.fault.message}`)
  return parsed.value as KhipuEnvelope
}
