import type { Size } from '../plan.ts'
import type { Measured } from '../site/measure.ts'
import type { Fsync } from '../site/store.ts'
import { type Goal, goalOf, type Results, type Table } from '../report/results.ts'
import { median, plain, ratios, withSpread } from '../report/statistics.ts'

/** The names of the four receivers in the tables. */
export const NAMES = {
  ours: 'service',
  textbook: 'textbook',
  dutiful: 'same duties',
  bare: 'no store'
} as const

const of = ({ rounds }: Compared, name: string, field: keyof Measured) =>
  (rounds.get(name) ?? []).map((measured) => measured[field])

const ratioOf = (compared: Compared, field: keyof Measured, to: string = NAMES.textbook) =>
  ratios(of(compared, NAMES.ours, field), of(compared, to, field))

/** What the rounds of one load found, by the name of the receiver. */
export interface Compared {
  readonly fsync: Fsync
  readonly size: Size
  readonly inFlight: number
  readonly rounds: ReadonlyMap<string, readonly Measured[]>
  /** The same at half of the rate that the slower of the two storing receivers reaches. */
  readonly paced: ReadonlyMap<string, Measured>
}

export function intakeResults(all: readonly Compared[]): Results {
  return { goals: all.flatMap(goalsOf), tables: [rates(all), latencies(all), costs(all)] }
}

const labels = ({ fsync, size, inFlight }: Compared) => [fsync, size.name, String(inFlight)]
const LOAD = ['appendfsync', 'body', 'in flight']

function rates(all: readonly Compared[]): Table {
  return {
    title: 'Intake: callbacks stored and answered 200, per second',
    head: [
      ...LOAD,
      ...Object.values(NAMES),
      ...['÷ textbook', '÷ same duties', '÷ no store', 'refused']
    ],
    rows: all.map((one) => [
      ...labels(one),
      ...Object.values(NAMES).map((name) => withSpread(of(one, name, 'rate'))),
      withSpread(ratioOf(one, 'rate')),
      withSpread(ratioOf(one, 'rate', NAMES.dutiful)),
      plain(median(ratioOf(one, 'rate', NAMES.bare))),
      Object.values(NAMES)
        .map((name) => `${Math.round(100 * median(of(one, name, 'refused')))} %`)
        .join(' / ')
    ]),
    note: 'Medians of the rounds, with the least and the most. `refused` is the share answered 503, in the same order.'
  }
}

function latencies(all: readonly Compared[]): Table {
  const fields = ['p50', 'p99', 'p999'] as const
  const cell = (values: (field: (typeof fields)[number]) => number) =>
    fields.map((field) => plain(values(field))).join(' / ')
  const rounds = (one: Compared, name: string) => cell((field) => median(of(one, name, field)))
  const paced = ({ paced }: Compared, name: string) =>
    cell((field) => paced.get(name)?.[field] ?? NaN)
  return {
    title: 'Intake: time of an answer in ms, p50 / p99 / p99.9',
    head: [
      ...LOAD,
      ...[NAMES.ours, NAMES.textbook, NAMES.dutiful],
      ...['at half load: per second', NAMES.ours, NAMES.textbook]
    ],
    rows: all.map((one) => [
      ...labels(one),
      rounds(one, NAMES.ours),
      rounds(one, NAMES.textbook),
      rounds(one, NAMES.dutiful),
      plain(one.paced.get(NAMES.ours)?.rate ?? NaN),
      paced(one, NAMES.ours),
      paced(one, NAMES.textbook)
    ]),
    note: 'Half load is half of the rate that the slower of the two reaches. Both get the same.'
  }
}

function costs(all: readonly Compared[]): Table {
  const cpu = (one: Compared, name: string) =>
    `${plain(median(of(one, name, 'cpu')))} + ${plain(median(of(one, name, 'redisCpu')))}`
  const counts = (one: Compared, name: string) =>
    (['reads', 'commands'] as const).map((field) => plain(median(of(one, name, field)))).join(' / ')
  return {
    title: 'Intake: CPU seconds per 1,000 callbacks, and work of Redis per callback',
    head: [
      ...LOAD,
      ...[NAMES.ours, NAMES.textbook, NAMES.dutiful].map((name) => `CPU ${name} + Redis`),
      ...['CPU no store', 'CPU generator'],
      ...['socket reads / commands: service', 'textbook']
    ],
    rows: all.map((one) => [
      ...labels(one),
      cpu(one, NAMES.ours),
      cpu(one, NAMES.textbook),
      cpu(one, NAMES.dutiful),
      plain(median(of(one, NAMES.bare, 'cpu'))),
      plain(median(of(one, NAMES.ours, 'generatorCpu'))),
      counts(one, NAMES.ours),
      counts(one, NAMES.textbook)
    ]),
    note: 'User and system time. Commands include those that scripts run.'
  }
}

function goalsOf(one: Compared): Goal[] {
  const { fsync, size, inFlight } = one
  if (size.name !== '1 KB') return []
  const ratio = (what: string, field: keyof Measured, limit: Limit) => {
    const name = `intake: ${what} ÷ textbook, 1 KB, ${inFlight} in flight, ${fsync}`
    return goalOf(name, ratioOf(one, field), '×', limit)
  }
  if (inFlight === 50) {
    const rate = ratio('callbacks/s', 'rate', ['at least', 0.8])
    return [rate, ratio('p99', 'p99', ['at most', 1.3])]
  }
  if (inFlight !== 1) return []
  const always = fsync === 'always'
  const rate = ratio('callbacks/s', 'rate', ['at least', always ? 0.95 : 0.8])
  return always ? [rate] : [rate, ...goalsOfRedis(one)]
}

type Limit = Parameters<typeof goalOf>[3]

// With one in flight nothing of another callback can travel along.
function goalsOfRedis(one: Compared): Goal[] {
  // The service also asks Redis now and then whether it has room.
  const count = (field: 'reads' | 'commands') =>
    of(one, NAMES.ours, field).map((value) => Math.round(value * 10) / 10)
  return [
    goalOf('intake: socket reads of Redis, 1 in flight', count('reads'), 'per callback', [
      'at most',
      1
    ]),
    goalOf('intake: Redis commands', count('commands'), 'per callback', ['at most', 12])
  ]
}
