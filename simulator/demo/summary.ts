import ms, { type StringValue } from 'ms'
import type { Result } from '../consumer.ts'
import { endInWords, inWords } from '../scenario-end.ts'
import { type DemoRequest, duplicatesOf } from './demo-requests.ts'
import type { Played } from './play.ts'

/** Everything that did not end as it should, a line each. */
export function mistakesOf({ requests, inFlight, ...seen }: Played, fourHours: string): string[] {
  const parkable = requests.filter(({ scenario }) => scenario.afterRelease).length
  const wanted = { matched: parkable, released: parkable, results: requests.length }
  return [
    ...compare('all', seen, wanted),
    ...requests.flatMap((one) => mistakesOfOne(one, inFlight.includes(one.label), fourHours))
  ]
}

/** What became of everything, for the end of the demo. */
export function summaryOf({ requests, inFlight, results }: Played, mistakes: string[]): string {
  const inState = (state: string) => requests.filter(({ view }) => view?.state === state)
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  const line = (name: string, count: number) => `  ${name.padEnd(22)}${`${count}`.padStart(3)}`
  const reasons = inState('failed').map(({ view }) => `  ${view?.reason}`)
  const again = requests.filter(tookOneMore).map(({ label }) => label)
  return [
    `\nsummary after ${(performance.now() / 1000).toFixed(1)} s`,
    line('requests sent', requests.length),
    line('delivered', inState('delivered').length),
    line('failed', reasons.length) + reasons.join(),
    line('parked', inState('parked').length),
    line('duplicates answered', sum(requests.map(duplicatesOf))),
    line('quarantined', sum(requests.map((one) => one.quarantined))),
    line('results on the queue', results),
    line('calls to Khipu', requests.flatMap((one) => one.calls).length),
    ...(inFlight.length > 0
      ? [`one attempt more, as the crash cut one off: ${again.join(', ') || 'none'}`]
      : []),
    ...(mistakes.length > 0
      ? ['UNEXPECTED:']
      : ['everything ended exactly once, as its scenario says']),
    ...mistakes
  ].join('\n')
}

const whatOf = ({ completeness, reason }: Result) => completeness ?? reason
const endOf = ({ scenario }: DemoRequest) => scenario.afterRelease ?? scenario.ends
const tookOneMore = (one: DemoRequest) => one.view?.attempts === endOf(one).attempts + 1

function mistakesOfOne(one: DemoRequest, wasInFlight: boolean, fourHours: string): string[] {
  const { label, scenario, view, calls, callbacks, quarantined } = one
  const { state, attempts: usual } = endOf(one)
  const attempts = usual + (wasInFlight && tookOneMore(one) ? 1 : 0)
  const results = [endInWords({ ...endOf(one), attempts })]
  const waitedMs = Date.parse(calls[1]?.at ?? '') - Date.parse(callbacks[0]?.at ?? '')
  const isTooEarly = scenario.meanwhile !== undefined && waitedMs < ms(fourHours as StringValue)
  const duplicates = duplicatesOf(one)
  const seen = {
    ...{ state: view?.state, attempts: view?.attempts, calls: calls.length },
    results: one.results.map((job) => inWords(job.outcome, whatOf(job), job.attempts)),
    ...{ duplicates, quarantined, isTooEarly }
  }
  const wanted = { state, attempts, calls: attempts, results, ...one.expected, isTooEarly: false }
  if (!wasInFlight) return compare(label, seen, wanted)
  // An attempt may have been noted and not have left when the service was killed, and a callback may have come twice.
  const left = calls.length === attempts - 1 ? calls.length : attempts
  return compare(label, seen, { ...wanted, calls: left, duplicates, quarantined })
}

function compare(what: string, seen: object, wanted: object): string[] {
  const [one, other] = [seen, wanted].map((each) => JSON.stringify(each))
  return one === other ? [] : [`  - ${what}: ${one}; expected: ${other}`]
}
