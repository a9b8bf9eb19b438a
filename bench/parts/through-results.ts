import { goalOf, type Goal, type Results, type Table } from '../report/results.ts'
import { median, percentile, plain, ratios, withSpread } from '../report/statistics.ts'
import type { Fsync } from '../site/store.ts'
import type { Rated } from './through-rounds.ts'

/** What the rounds of one mode found. */
export interface Through {
  readonly fsync: Fsync
  readonly rounds: readonly Rated[]
  /** Times of single requests in ms, from the POST to the result on the queue. */
  readonly alone: readonly number[]
  readonly clientCommands: number
  readonly redisCommands: number
  /** Callbacks acted on in a second, and jobs moved, round by round. */
  readonly ours: readonly number[]
  readonly bare: readonly number[]
}

export function throughResults(all: readonly Through[]): Results {
  return { goals: all.flatMap(goalsOf), tables: [requests(all), workers(all)] }
}

const of = ({ rounds }: Through, field: keyof Rated) => rounds.map((round) => round[field])

const cpuOf = ({ rounds }: Through) =>
  rounds.map(({ server, worker, redis }) => server + worker + redis)

function requests(all: readonly Through[]): Table {
  return {
    title: 'Through: requests, from the POST to the result on the queue',
    head: [
      ...['appendfsync', 'requests/s', 'one alone in ms, p50 / p99'],
      ...['commands of clients', 'Redis commands'],
      'CPU seconds per 1,000: server + worker + Redis (Khipu)'
    ],
    rows: all.map((one) => [
      one.fsync,
      withSpread(of(one, 'rate')),
      `${plain(median(one.alone))} / ${plain(percentile(one.alone, 99))}`,
      plain(one.clientCommands),
      plain(one.redisCommands),
      (['server', 'worker', 'redis'] as const)
        .map((field) => plain(median(of(one, field))))
        .join(' + ') + ` (${plain(median(of(one, 'khipu')))})`
    ]),
    note: 'The simulated Khipu answers and calls back at once. It shares the cores. Commands are per request.'
  }
}

function workers(all: readonly Through[]): Table {
  return {
    title:
      'Through: stored callbacks to results, beside a worker that only moves a job to another queue',
    head: ['appendfsync', 'callbacks/s', 'bare moves/s', '÷ bare move'],
    rows: all.map((one) => [
      one.fsync,
      withSpread(one.ours),
      withSpread(one.bare),
      withSpread(ratios(one.ours, one.bare))
    ]),
    note: 'One worker process with its default settings, 1 KB each: 60 callbacks at once, or 20 bare jobs. All wait when it begins.'
  }
}

function goalsOf(one: Through): Goal[] {
  const move = `through: callback → result ÷ bare move, ${one.fsync}`
  const goals = [goalOf(move, ratios(one.ours, one.bare), '×', ['at least', 0.6])]
  if (one.fsync === 'always') return goals
  return [
    ...goals,
    goalOf('through: commands of clients', one.clientCommands, 'per request', ['at most', 18]),
    goalOf('through: CPU, server + worker + Redis', cpuOf(one), 's per 1,000', ['at most', 3.4])
  ]
}
