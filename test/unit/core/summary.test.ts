import t from 'tap'
import { bankOf, EVERY_GROUP, isAskedFor, readGroup } from '../../../src/core/groups/group.ts'
import { DIMENSIONS, summarize } from '../../../src/core/groups/summary.ts'

const BTG = 'cl/banking/personal/btgpactual.cl/transactions'
const BCI = 'cl/banking/business/bci.cl/transactions'
const SIZES = [
  { name: `queued|||${BTG}`, count: 5, oldestAt: 50 },
  { name: `parked|credentials|E101|${BTG}`, count: 2, oldestAt: 20 },
  { name: `parked|retry-after-notification|E201|${BTG}`, count: 3, oldestAt: 30 },
  { name: `parked|retry-after-notification|E202|${BCI}`, count: 4, oldestAt: 10 },
  { name: `parked|of-a-newer-version||${BTG}`, count: 1, oldestAt: 60 },
  { name: `failed|expired||${BCI}`, count: 9, oldestAt: 40 }
]
const NOTHING = { reason: null, code: null, service: null, bank: null }

t.test('groups that wait for somebody come first, each with what to do', async (t) => {
  t.same(
    summarize(SIZES, DIMENSIONS).map(({ state, reason, count, advice }) => [
      state,
      reason,
      count,
      advice
    ]),
    [
      ['parked', 'retry-after-notification', 4, 'wait-then-release'],
      ['parked', 'retry-after-notification', 3, 'wait-then-release'],
      ['parked', 'credentials', 2, 'give-credentials'],
      ['parked', 'of-a-newer-version', 1, null],
      ['failed', 'expired', 9, null],
      ['queued', null, 5, null]
    ]
  )
})

t.test('groups are summed up by fewer dimensions', async (t) => {
  t.same(summarize(SIZES, []), [
    { state: 'parked', ...NOTHING, count: 10, oldestAt: 10, needsSomebody: true, advice: null },
    { state: 'failed', ...NOTHING, count: 9, oldestAt: 40, needsSomebody: false, advice: null },
    { state: 'queued', ...NOTHING, count: 5, oldestAt: 50, needsSomebody: false, advice: null }
  ])
  const byBank = summarize(SIZES.slice(1, 4), ['bank'])
  t.match(byBank, [
    { bank: 'btgpactual.cl', reason: null, count: 5, oldestAt: 20 },
    { bank: 'bci.cl', count: 4 }
  ])
})

t.test('a filter names values of a group', async (t) => {
  const group = readGroup(`parked|credentials|E101|${BTG}`)
  t.ok(isAskedFor(EVERY_GROUP, group))
  const rows: readonly [filter: Partial<typeof EVERY_GROUP>, isIn: boolean][] = [
    [{ state: ['queued', 'parked'] }, true],
    [{ state: ['queued'] }, false],
    [{ reason: ['credentials'], code: ['E101', 'E102'] }, true],
    [{ reason: ['credentials'], code: ['E102'] }, false],
    [{ service: [BTG] }, true],
    [{ service: [BCI] }, false],
    [{ bank: ['bci.cl', 'btgpactual.cl'] }, true],
    [{ bank: ['bci.cl'] }, false],
    [{ reason: [] }, false]
  ]
  for (const [filter, isIn] of rows) {
    t.equal(isAskedFor({ ...EVERY_GROUP, ...filter }, group), isIn, JSON.stringify(filter))
  }
  t.equal(bankOf('cl'), '')
})
