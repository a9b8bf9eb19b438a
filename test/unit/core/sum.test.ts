import t from 'tap'
import { sum } from '../../../src/core/sum.ts'

t.test('a sum of nothing is 0', async (t) => {
  t.equal(sum([]), 0)
  t.equal(sum([1, 2, 4]), 7)
})
