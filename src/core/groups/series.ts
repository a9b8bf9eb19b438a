import { bankOf, readGroup } from './group.ts'
import { type Dimension, DIMENSIONS } from './summary.ts'

/** What a series is told apart by. */
export type Label = 'state' | Dimension
export const LABELS: readonly Label[] = ['state', ...DIMENSIONS]

/** How often requests entered groups, in units of time. */
export interface Series {
  /** The values by which it is told apart; null for a group without that value. */
  readonly labels: Readonly<Partial<Record<Label, string | null>>>
  /** The start of a unit, in ms since 1970, and how many entered. A unit in which none did has no point. */
  readonly points: readonly (readonly [at: number, entries: number])[]
}

/** What entered which group within one unit of time. */
export interface Flow {
  /** The start of the unit, in ms since 1970. */
  readonly at: number
  readonly entries: ReadonlyMap<string, number>
}

/** Sums the flow into groups up by these labels, in the order of the labels' values. */
export function seriesOf(flows: readonly Flow[], by: readonly Label[]): readonly Series[] {
  const series = new Map<string, Growing>()
  // A group has entries in many units.
  const ofGroups = new Map<string, Growing>()
  for (const { at, entries } of flows) {
    for (const [name, count] of entries) {
      const own = ofGroups.get(name) ?? seriesFor(name, by, series)
      ofGroups.set(name, own)
      own.points.set(at, (own.points.get(at) ?? 0) + count)
    }
  }
  return [...series]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { labels, points }]) => ({ labels, points: [...points] }))
}

interface Growing {
  readonly labels: Series['labels']
  readonly points: Map<number, number>
}

function seriesFor(name: string, by: readonly Label[], series: Map<string, Growing>): Growing {
  const labels = labelsOf(name, by)
  const key = JSON.stringify(labels)
  const found = series.get(key) ?? { labels, points: new Map<number, number>() }
  series.set(key, found)
  return found
}

function labelsOf(name: string, by: readonly Label[]): Series['labels'] {
  const group = readGroup(name)
  const values = { ...group, bank: bankOf(group.service) }
  const told = by.map((label) => [label, values[label] === '' ? null : values[label]] as const)
  return Object.fromEntries(told)
}
