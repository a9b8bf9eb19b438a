import pLimit from 'p-limit'
import type { Logger } from 'pino'
import { type ResultHead, resultOf } from '../core/result-head.ts'
import type { Request } from '../core/request.ts'
import type { Deviation } from '../schemas/deviations.ts'
import type { Compose, Envelope } from './compose-result.ts'
import type { ResultSink } from './result-sink.ts'

/** Publishes results, idempotently: the id of a result is that of its request. */
export interface Results {
  /**
   * The result of an ended request. `open` reads the envelope that was stored for it, if any. False if `open` reports
   * that the result is set aside.
   */
  publish(request: Request, open: () => Promise<Envelope | 'set-aside' | null>): Promise<boolean>
  /** The extra result of a failed request, after an operator accepted its late callback. */
  publishLate(result: ResultHead, envelope: Envelope): Promise<void>
}

/** A body is in memory several times while it becomes a result, so only two are published at once. */
const MOST_AT_ONCE = 2

export interface ResultsDeps {
  readonly log: Logger
  readonly compose: Compose
  /** Counts the deviations in a published result. */
  readonly deviated: (deviations: readonly Deviation[]) => void
}

export function createResults(sink: ResultSink, { log, compose, deviated }: ResultsDeps): Results {
  async function deliver(result: ResultHead, envelope: Envelope | null, id: string): Promise<void> {
    const { text, deviations } = await compose(result, envelope, id)
    await sink.deliver({ id, outcome: result.outcome, text })
    deviated(deviations)
    const { requestId, outcome, completeness, reason, attempts } = result
    const fields = { requestId, outcome, completeness, reason, attempts }
    log.info({ ...fields, deviations: deviations.length }, 'result published')
  }
  const publish: Results['publish'] = async (request, open) => {
    const envelope = await open()
    if (envelope === 'set-aside') {
      log.error({ requestId: request.requestId }, 'result set aside')
      return false
    }
    // A body is deleted only once its result was published. So another handler has just published it.
    if (envelope === null && request.response !== null) return true
    await deliver(resultOf(request), envelope, request.requestId)
    return true
  }

  const limit = pLimit(MOST_AT_ONCE)
  return {
    publish: (request, open) => limit(() => publish(request, open)),
    publishLate: (result, envelope) =>
      limit(() => deliver(result, envelope, `${result.requestId}-late`))
  }
}
