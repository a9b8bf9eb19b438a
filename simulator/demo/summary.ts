import ms, { type StringValue } from 'ms'
import { endInWords, inWords } from '../scenario-end.ts'
import { duplicatesOf, type Observed } from './observer.ts'
import type { Played } from './play.ts'

/** What became of everything, and what of it should not have. */
export function summarize(
  played: Played,
  all: readonly Observed[],
  results: number,
  fourHours: string
) {
  const { inFlight, ...seen } = played
  const parkable = all.filter(({ scenario }) => scenario.afterRelease).length
  const wanted = { wasParked: true, matched: parkable, released: parkable, results: all.length }
  const mistakes = [
    ...compare('all', { ...seen, results }, wanted),
    ...all.flatMap((one) => mistakesOf(one, inFlight.includes(one.label), fourHours))
  ]
  const inState = (state: string) => all.filter(({ view }) => view?.state === state)
  const sum = (count: (one: Observed) => number) =>
    all.reduce((total, one) => total + count(one), 0)
  const failed = inState('failed')
  const line = (name: string, count: number, more = '') =>
    `  ${name.padEnd(22)}${String(count).padStart(3)}  ${more}`.trimEnd()
  const text = [
    '',
    `summary after ${(performance.now() / 1000).toFixed(1)} s`,
    line('requests sent', all.length),
    line('delivered', inState('delivered').length),
    line('failed', failed.length, failed.map(({ view }) => view?.reason).join(', ')),
    line('parked', inState('parked').length),
    line('duplicates answered', sum(duplicatesOf)),
    line(
      'quarantined',
      sum(({ quarantined }) => quarantined)
    ),
    line('results on the queue', results),
    line(
      'calls to Khipu',
      sum(({ calls }) => calls.length)
    ),
    ...(inFlight.length > 0 ? [costOfCrash(all.filter(tookOneMore))] : []),
    ...(mistakes.length > 0
      ? ['UNEXPECTED:', ...mistakes.map((mistake) => `  - ${mistake}`)]
      : ['everything ended exactly once, as its scenario says'])
  ]
  return { text: text.join('\n'), mistakes }
}

function costOfCrash(some: readonly Observed[]): string {
  if (some.length === 0) return 'no request needed another attempt because of the crash'
  return `one attempt more than their scenarios say: ${some.map(({ label }) => label).join(', ')}
  The crash cut one off: its callback found nobody, or nobody knows whether it
  was sent; it is repeated only when no callback has come by the deadline.`
}

const endOf = ({ scenario }: Observed) => scenario.afterRelease ?? scenario.ends
const tookOneMore = (one: Observed) => one.view?.attempts === endOf(one).attempts + 1

function mistakesOf(one: Observed, wasInFlight: boolean, fourHours: string): readonly string[] {
  const { label, scenario, view, results, callbacks, expected, quarantined } = one
  if (view === null) return [`${label}: was not listed`]
  const attempts = endOf(one).attempts + (wasInFlight && tookOneMore(one) ? 1 : 0)
  const end = endInWords({ ...endOf(one), attempts })
  const [first, second] = [callbacks[0]?.at ?? '', one.calls[1]?.at ?? '']
  const waited = Date.parse(second) - Date.parse(first)
  const seen = {
    request: inWords(view.state, view.reason ?? results[0]?.completeness, view.attempts),
    results: results.map((job) =>
      inWords(job.outcome, job.completeness ?? job.reason, job.attempts)
    ),
    calls: one.calls.length,
    ...{ duplicates: duplicatesOf(one), quarantined },
    isTooEarly: scenario.meanwhile !== undefined && waited < ms(fourHours as StringValue)
  }
  const wanted = { request: end, results: [end], calls: attempts, ...expected, isTooEarly: false }
  if (!wasInFlight) return compare(label, seen, wanted)
  // An attempt may have been noted and not have left when the service was killed, and a callback may have come twice.
  const { duplicates } = seen
  const calls = seen.calls === attempts - 1 ? seen.calls : attempts
  return compare(label, seen, { ...wanted, calls, duplicates, quarantined })
}

function compare(what: string, seen: object, wanted: object): string[] {
  const [one, other] = [seen, wanted].map((each) => JSON.stringify(each))
  return one === other ? [] : [`${what}: ${one}; expected: ${other}`]
}
