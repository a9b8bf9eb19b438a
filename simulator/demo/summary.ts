import { duplicatesOf, type Sight } from './sight.ts'
import type { Played } from './story.ts'
import { faultsOf, tookOneMore } from './verdict.ts'

/** What became of everything, for the end of the demo. */
export function summaryOf(played: Played, tookMs: number): string {
  const { sights, inFlight } = played
  const faults = faultsOf(played)
  const rows: [string, number, string?][] = [
    ['requests sent', sights.length],
    ['delivered', inState(sights, 'delivered').length],
    ['failed', inState(sights, 'failed').length, reasonsOf(inState(sights, 'failed'))],
    ['parked', inState(sights, 'parked').length],
    ['duplicates answered', sum(sights.map(duplicatesOf))],
    ['quarantined', sum(sights.map(({ quarantined }) => quarantined))],
    ['results on the queue', played.results],
    ['calls to Khipu', sum(sights.map(({ calls }) => calls.length))]
  ]
  return [
    '',
    `summary after ${(tookMs / 1000).toFixed(1)} s`,
    ...rows.map(([name, count, more = '']) =>
      `  ${name.padEnd(22)}${String(count).padStart(3)}  ${more}`.trimEnd()
    ),
    ...(inFlight.size > 0 ? [cutOff(sights.filter(tookOneMore))] : []),
    ...(faults.length > 0
      ? ['UNEXPECTED:', ...faults.map((fault) => `  - ${fault}`)]
      : ['everything ended exactly once, as its scenario says'])
  ].join('\n')
}

/** What the crash has cost, and that it may. */
function cutOff(sights: readonly Sight[]): string {
  const labels = sights.map(({ row }) => row.label)
  if (labels.length === 0) return 'no request needed another attempt because of the crash'
  return [
    `one attempt more than their scenarios say: ${labels.join(', ')}`,
    '  The crash cut one off: its callback found nobody, or nobody knows whether it',
    '  was sent; it is repeated only when no callback has come by the deadline.'
  ].join('\n')
}

function inState(sights: readonly Sight[], state: string): Sight[] {
  return sights.filter(({ view }) => view?.state === state)
}

function reasonsOf(sights: readonly Sight[]): string {
  return sights.map(({ view }) => view?.reason).join(', ')
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
