import { median, plain, withSpread } from './statistics.ts'

/** A figure that has a goal. */
export interface Goal {
  readonly name: string
  readonly value: number
  /** `×` for a ratio to what the service is compared with. */
  readonly unit: string
  readonly is: 'at least' | 'at most'
  readonly limit: number
  /** The value in words, with its spread where there are several rounds. */
  readonly text: string
}

export interface Table {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** How to read the table. */
  readonly note?: string
}

/** What one part of the benchmark found. */
export interface Results {
  readonly goals: readonly Goal[]
  readonly tables: readonly Table[]
}

/** A goal for the median of some values. */
export function goalOf(
  name: string,
  values: number | readonly number[],
  unit: string,
  [is, limit]: readonly ['at least' | 'at most', number]
): Goal {
  const all = typeof values === 'number' ? [values] : values
  return { name, value: median(all), unit, is, limit, text: withSpread(all) }
}

export function isMet({ value, is, limit }: Goal): boolean {
  return is === 'at least' ? value >= limit : value <= limit
}

/** The goal in words. */
export function limitOf({ is, limit, unit }: Goal): string {
  return `${is} ${plain(limit)}${unit === '' ? '' : ` ${unit}`}`
}

export function together(all: readonly Results[]): Results {
  return {
    goals: all.flatMap(({ goals }) => goals),
    tables: all.flatMap(({ tables }) => tables)
  }
}
