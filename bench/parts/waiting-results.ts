import { goalOf, type Goal, type Results, type Table } from '../report/results.ts'
import { median, percentile, plain } from '../report/statistics.ts'
import type { OperatorTimes } from './operator-times.ts'
import type { Lateness } from './lateness.ts'

/** What so many requests take in one Redis: bytes for each, by its state. */
export interface Waiting {
  readonly count: number
  readonly bytes: Readonly<Record<'awaiting' | 'parked' | 'retry-scheduled' | 'consumed', number>>
  /** Operator calls while all of them are parked. */
  readonly times: OperatorTimes
}

export function waitingResults(all: readonly Waiting[], lateness?: Lateness): Results {
  return {
    goals: all.flatMap(goalsOf),
    tables: [bytes(all), calls(all), ...(lateness === undefined ? [] : [late(lateness)])]
  }
}

const inWords = (count: number) => count.toLocaleString('en')
const whole = (value: number) => inWords(Math.round(value))

function bytes(all: readonly Waiting[]): Table {
  return {
    title: 'Waiting: bytes in Redis per request',
    head: ['requests', 'awaiting a callback', 'scheduled', 'parked', 'ended and consumed'],
    rows: all.map(({ count, bytes: of }) => [
      inWords(count),
      ...[of.awaiting, of['retry-scheduled'], of.parked, of.consumed].map(whole)
    ]),
    note: 'Each request has an account of its own and a result of 1 KB. BullMQ keeps a consumed result for `RESULT_RETENTION`.'
  }
}

function calls(all: readonly Waiting[]): Table {
  return {
    title: 'Waiting: operator calls while all of them are parked',
    head: ['requests', 'call', 'ms', 'commands of clients', 'round trips to Redis'],
    rows: all.flatMap(({ count, times }) =>
      Object.entries(times).map(([name, { ms, clientCommands, roundTrips }]) => [
        inWords(count),
        name === 'page' ? 'page of 50' : name,
        ...[ms, clientCommands, roundTrips].map(plain)
      ])
    ),
    note: 'Round trips are socket reads of Redis. The background work of the service is in them.'
  }
}

function late({ deadlines, retries }: Lateness): Table {
  const row = (name: string, values: readonly number[]) => [
    name,
    String(values.length),
    plain(median(values)),
    plain(percentile(values, 99)),
    plain(Math.max(...values))
  ]
  return {
    title: 'Waiting: ms from the due instant to the action of a worker',
    head: ['what is due', 'requests', 'p50', 'p99', 'most'],
    rows: [row('deadline of a callback', deadlines), row('retry', retries)],
    note: 'One becomes due about every 50 ms, beside all the others that wait.'
  }
}

/** The largest number of requests that a call must be fast beside. */
const MANY = 100_000

function goalsOf({ count, bytes: of, times }: Waiting): Goal[] {
  const beside = `${inWords(count)} waiting`
  const size = (state: string, value: number, most: number) =>
    goalOf(`waiting: one ${state} request, ${beside}`, Math.round(value), 'bytes', [
      'at most',
      most
    ])
  const sizes = [
    size('awaiting', of.awaiting, 2_000),
    size('parked', of.parked, 2_600),
    size('ended, consumed', of.consumed, 2_500)
  ]
  if (count > MANY) return sizes
  const { page, release } = times
  const time = (call: string, ms: number) =>
    goalOf(`waiting: ${call} with ${inWords(count)} parked`, ms / 1000, 's', ['at most', 0.3])
  const trips = (call: string, value: number) =>
    goalOf(`waiting: round trips of ${call}`, Math.round(value), 'per call', ['at most', 3])
  return [
    ...sizes,
    ...[time('page', page.ms), trips(`page, ${beside}`, page.roundTrips)],
    ...[time('release', release.ms), trips(`release, ${beside}`, release.roundTrips)]
  ]
}
