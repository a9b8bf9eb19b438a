import type { Logger } from 'pino'
import { type Lane, type NotHere, type ResultHead, resultOf } from '../core/result-head.ts'
import type { Request } from '../core/request.ts'
import type { Deviation } from '../schemas/deviations.ts'
import type { Compose, Envelope } from './compose-result.ts'
import { openLanes } from './lanes.ts'
import type { ResultSink } from './result-sink.ts'

/** Publishes results, idempotently: the id of a result is that of its request. */
export interface Results {
  /**
   * The result of an ended request. `open` reads the envelope that was stored for it, if any, or says in which lane to
   * try again. False if it reports that the result is set aside.
   */
  publish(request: Request, open: (lane: Lane) => Promise<Opened>): Promise<boolean>
  /** The extra result of a failed request, after an operator accepted its late callback. */
  publishLate(result: ResultHead, envelope: Envelope): Promise<void>
}

type Opened = Envelope | NotHere | null

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
  async function publish(request: Request, opened: Opened): Promise<boolean | Lane> {
    if (opened === 'large' || opened === 'alone') return opened
    if (opened === 'set-aside') {
      log.error({ requestId: request.requestId }, 'result set aside')
      return false
    }
    // A body is deleted only once its result was published. So another handler has just published it.
    if (opened === null && request.response !== null) return true
    await deliver(resultOf(request), opened, request.requestId)
    return true
  }

  const runIn = openLanes()
  return {
    async publish(request, open) {
      let done: boolean | Lane = 'small'
      while (typeof done === 'string') {
        const lane: Lane = done
        done = await runIn(lane, async () => publish(request, await open(lane)))
      }
      return done
    },
    publishLate: (result, envelope) =>
      runIn('large', () => deliver(result, envelope, `${result.requestId}-late`))
  }
}
