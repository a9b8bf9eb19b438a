import { randomInt } from 'node:crypto'

/** Whole numbers from a seed, the same every time. */
export interface Chance {
  readonly seed: number
  /** From the least to the most, both included. */
  between(least: number, most: number): number
}

/** Chance from JOURNEY_SEED, or from a seed that the name of the test tells. */
export function takeChance(): Chance {
  return chanceOf(Number(process.env['JOURNEY_SEED'] ?? randomInt(1_000_000)))
}

/** Chance from a seed. */
export function chanceOf(seed: number): Chance {
  let state = seed
  return {
    seed,
    between(least, most) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return least + Math.floor((state / 2 ** 32) * (most - least + 1))
    }
  }
}
