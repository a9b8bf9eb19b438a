import fc from 'fast-check'
import t from 'tap'
import { holderOf, idBeside, placeOf } from '../../../src/core/placement.ts'
import { holds } from '../../helpers/holds.ts'

// What stands in a ledger is found by these, for ever: another outcome would be a lost request.
const KNOWN: readonly [id: string, of6: number, of64: number][] = [
  ['', 1, 5],
  ['a', 4, 44],
  ['0199c0de-0000-7000-8000-000000000000', 3, 51],
  ['0199c0de-0000-7000-8000-000000000001', 4, 32],
  ['ñ', 2, 28]
]

for (const [id, of6, of64] of KNOWN) {
  t.test(`'${id}' lies where it always did`, async (t) => {
    t.same([placeOf(id, 1), placeOf(id, 6), placeOf(id, 64)], [0, of6, of64])
    t.equal(holderOf([0, 1, 2, 3, 4, 5], id), of6)
  })
}

t.test('every id has one partition, and it is one of those that there are', async (t) => {
  holds(t, fc.tuple(fc.string(), fc.integer({ min: 1, max: 64 })), ([id, count]) => {
    const partition = placeOf(id, count)
    return Number.isInteger(partition) && partition >= 0 && partition < count
  })
})

t.test('ids are spread over all of them', async (t) => {
  const counts = Array.from({ length: 6 }, () => 0)
  for (const id of fc.sample(fc.uuid({ version: 7 }), { numRuns: 6000, seed: 1 })) {
    const partition = placeOf(id, 6)
    counts[partition] = (counts[partition] ?? 0) + 1
  }
  t.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1200, counts.join())
})

t.test('an id lies beside its account, and anywhere without one', async (t) => {
  let drawn = 0
  const draw = () => String((drawn += 1))
  t.equal(idBeside(null, 64, draw), '1')
  holds(t, fc.tuple(fc.string(), fc.integer({ min: 1, max: 64 })), ([account, count]) => {
    return placeOf(idBeside(account, count, draw), count) === placeOf(account, count)
  })
})
