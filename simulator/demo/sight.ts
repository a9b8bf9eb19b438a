import type { Result } from '../consumer.ts'
import type { Call, SentCallback } from '../history.ts'
import type { RequestView } from './operator.ts'
import type { Row } from './rows.ts'

/** What is seen of one request, on all sides. */
export interface Sight {
  readonly row: Row
  /** null before it is listed. */
  readonly view: RequestView | null
  /** What came of it on the result queue. */
  readonly results: readonly Result[]
  /** What the simulated Khipu got for it. */
  readonly calls: readonly Call[]
  /** What the simulated Khipu sent for it. */
  readonly callbacks: readonly SentCallback[]
  /** How many of its callbacks are kept in quarantine. */
  readonly quarantined: number
}

/** True once it has ended. */
export function hasEnded({ view }: Sight): boolean {
  return view !== null && ['delivered', 'failed', 'cancelled'].includes(view.state)
}

/** True once it has ended and nothing more is expected of it. */
export function isAtRest(sight: Sight): boolean {
  const { row, results, callbacks, quarantined } = sight
  return (
    hasEnded(sight) &&
    results.length > 0 &&
    callbacks.every(({ answer }) => answer !== null) &&
    duplicatesOf(sight) >= row.duplicates &&
    quarantined >= row.quarantined
  )
}

/** How many of its callbacks were answered as duplicates. */
export function duplicatesOf({ callbacks }: Sight): number {
  return callbacks.filter(({ answer }) => {
    if (answer === null || !('body' in answer)) return false
    return answer.body.includes('"status":"duplicate"')
  }).length
}

/** What came on the result queue and what else came in, in words; empty as long as nothing has. */
export function resultInWords(sight: Sight): string {
  const { results, quarantined } = sight
  const duplicates = duplicatesOf(sight)
  const [result] = results
  if (result === undefined && duplicates + quarantined === 0) return ''
  return [
    result === undefined ? 'none yet' : (result.completeness ?? result.outcome),
    ...(results.length > 1 ? [`${results.length} results!`] : []),
    ...(duplicates > 0 ? [`${duplicates} duplicate`] : []),
    ...(quarantined > 0 ? [`${quarantined} quarantined`] : [])
  ].join(', ')
}
