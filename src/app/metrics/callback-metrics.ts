import { CALLBACK_ANSWERS } from '../../callbacks/callback-answers.ts'
import type { CommittedChange } from '../../core/measures/measure-change.ts'
import { QUARANTINE_KINDS } from '../../ledger/quarantine/quarantine.ts'
import type { QuarantineKind } from '../../schemas/generated.ts'
import type { MetricKinds } from './metric-kinds.ts'

const ANSWER = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const BYTES = [1e3, 1e4, 1e5, 1e6, 4e6, 1e7]

/** Counts the calls of Khipu. A status that is counted from the start on shows its first rise. */
export function callbackMetrics(kinds: MetricKinds) {
  const callbacks = kinds.flow(
    'khipu_callbacks_total',
    'Callbacks answered, by what became of them',
    ['status']
  )
  const seconds = kinds.spread(
    'khipu_callback_answer_seconds',
    'From the head of a callback to its answer',
    ANSWER,
    ['status']
  )
  const sizes = kinds.spread('khipu_callback_bytes', 'Size of a callback that was stored', BYTES)
  for (const { metric } of Object.values(CALLBACK_ANSWERS)) callbacks.inc({ status: metric }, 0)
  return {
    /** Counts an outcome, with the time until its answer in ms and the size of its body where these are known. */
    callback: (status: string, tookMs?: number, bytes?: number) => {
      const labels = { status }
      callbacks.inc(labels)
      if (tookMs !== undefined) seconds.observe(labels, tookMs / 1000)
      if (bytes !== undefined) sizes.observe(bytes)
    }
  }
}

/** Counts the bodies that go to quarantine. */
export function quarantineMetrics(kinds: MetricKinds) {
  const quarantined = kinds.flow(
    'khipu_quarantined_total',
    'Bodies put into quarantine; the same body, when it comes again, counts again',
    ['kind']
  )
  for (const kind of QUARANTINE_KINDS) quarantined.inc({ kind }, 0)
  return {
    quarantined: (kind: QuarantineKind) => quarantined.inc({ kind }),
    /** The same for the callbacks that a change of a request put there. */
    kept: ({ kept }: CommittedChange) => {
      for (const kind of kept.values()) quarantined.inc({ kind })
    }
  }
}
