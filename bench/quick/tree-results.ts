import type { Rated } from '../parts/through-rounds.ts'
import type { Table } from '../report/results.ts'
import { median, plain, ratios, withSpread } from '../report/statistics.ts'
import type { Measured } from '../site/measure.ts'

/** What the rounds found, one list for each tree: this one first. */
export type PerTree<One> = readonly [ours: One[], other: One[]]

/** One table: the figures of both trees and their ratio. */
export function treeTable(
  other: string,
  intake: ReadonlyMap<number, PerTree<Measured>>,
  through: PerTree<Rated>
): Table {
  const rows = [...intake].flatMap(([inFlight, found]) => {
    const name = (what: string) => `intake, 1 KB, ${inFlight} in flight: ${what}`
    return [
      row(name('callbacks/s'), found, ({ rate }) => rate),
      row(name('p99 in ms'), found, ({ p99 }) => p99),
      row(name('CPU s per 1,000, with Redis'), found, ({ cpu, redisCpu }) => cpu + redisCpu),
      row(name('Redis commands'), found, ({ commands }) => commands)
    ]
  })
  return {
    title: `This tree beside ${other}`,
    head: ['figure', 'this tree', other, 'ratio'],
    rows: [
      ...rows,
      row('through: requests/s', through, ({ rate }) => rate),
      row(
        'through: CPU s per 1,000, with Redis',
        through,
        ({ server, worker, redis }) => server + worker + redis
      )
    ],
    note: 'Interleaved rounds, appendfsync everysec. A ratio within its spread of 1 says nothing.'
  }
}

function row<One>(
  name: string,
  [ours, other]: PerTree<One>,
  figure: (one: One) => number
): string[] {
  const [here, there] = [ours.map(figure), other.map(figure)]
  return [name, plain(median(here)), plain(median(there)), withSpread(ratios(here, there))]
}
