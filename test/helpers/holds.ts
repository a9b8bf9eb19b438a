import fc from 'fast-check'
import type { Test } from 'tap'

/** One assertion: that it is so of everything generated. A failure shows the smallest counterexample. */
export function holds<T>(t: Test, any: fc.Arbitrary<T>, isSo: (value: T) => boolean): void {
  t.doesNotThrow(() => fc.assert(fc.property(any, isSo), { numRuns: 1000 }))
}
