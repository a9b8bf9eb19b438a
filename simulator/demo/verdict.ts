import { endInWords } from '../scenario-end.ts'
import { duplicatesOf, type Sight } from './sight.ts'
import type { Played } from './story.ts'

/** Everything that was not as it should be, a line each. */
export function faultsOf(played: Played): string[] {
  const { sights, parked, inFlight, results } = played
  const parkable = sights.filter(({ row }) => row.scenario.ends.state === 'parked').length
  return [
    ...(parked.seen ? [] : ['no request was seen parked']),
    ...countFault('requests found by the dry run', parked.found, parkable),
    ...countFault('requests released by the notification', parked.released, parkable),
    ...countFault('results on the queue', results, sights.length),
    ...sights.flatMap((sight) =>
      faultsOfOne(sight, inFlight.has(sight.row)).map((fault) => `${sight.row.label}: ${fault}`)
    )
  ]
}

/** True where the request took one attempt more than its scenario does: the one that a crash cut off. */
export function tookOneMore({ row, view }: Sight): boolean {
  return view !== null && view.attempts === expectedEnd(row).attempts + 1
}

function faultsOfOne(sight: Sight, wasInFlight: boolean): string[] {
  const { row, view, calls, results, quarantined } = sight
  if (view === null) return ['was not listed']
  const { attempts } = view
  return [
    ...endFaults(sight, wasInFlight),
    ...countFault('results', results.length, 1),
    // An attempt may have been noted in the ledger and not have left when the service was killed.
    ...(wasInFlight && calls.length === attempts - 1
      ? []
      : countFault('calls to Khipu', calls.length, attempts)),
    ...(wasInFlight ? [] : countFault('duplicates', duplicatesOf(sight), row.duplicates)),
    ...(wasInFlight ? [] : countFault('kept in quarantine', quarantined, row.quarantined)),
    ...(isTooEarly(sight) ? [`was sent again before ${row.retriesAfterMs} ms had passed`] : [])
  ]
}

/** How it ended, held against its scenario; what was in flight at a crash may take one attempt more. */
function endFaults(sight: Sight, wasInFlight: boolean): string[] {
  const end = expectedEnd(sight.row)
  const expected = endInWords(end)
  const oneMore = endInWords({ ...end, attempts: end.attempts + 1 })
  const views = [viewInWords(sight), ...sight.results.map(resultInWords)]
  return views
    .filter((words) => words !== expected && !(wasInFlight && words === oneMore))
    .map((words) => `${words}; expected: ${expected}`)
}

function expectedEnd({ scenario }: Sight['row']) {
  return scenario.afterRelease ?? scenario.ends
}

function viewInWords({ view, results }: Sight): string {
  const { state = 'unknown', reason = null, attempts = 0 } = view ?? {}
  return inWords(state, reason ?? results[0]?.completeness ?? 'without a result', attempts)
}

function resultInWords({ outcome, completeness, reason, attempts }: Sight['results'][number]) {
  return inWords(outcome, completeness ?? String(reason), attempts)
}

function inWords(state: string, what: string, attempts: number): string {
  return `${state} ${what}, ${attempts === 1 ? '1 attempt' : `${attempts} attempts`}`
}

/** By one clock, that of the simulated Khipu. */
function isTooEarly({ row, calls, callbacks }: Sight): boolean {
  const [first] = callbacks
  const [, second] = calls
  if (row.retriesAfterMs === 0 || first === undefined || second === undefined) return false
  return Date.parse(second.at) - Date.parse(first.at) < row.retriesAfterMs
}

function countFault(what: string, count: number, expected: number): string[] {
  return count === expected ? [] : [`${what}: ${count}; expected: ${expected}`]
}
