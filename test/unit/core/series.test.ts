import t from 'tap'
import { LABELS, seriesOf } from '../../../src/core/groups/series.ts'

const BTG = 'cl/banking/personal/btgpactual.cl/transactions'
const BCI = 'cl/banking/business/bci.cl/transactions'
const FLOWS = [
  {
    at: 60_000,
    entries: new Map([
      [`queued|||${BTG}`, 3],
      [`parked|credentials|E101|${BTG}`, 1]
    ])
  },
  { at: 120_000, entries: new Map<string, number>() },
  {
    at: 180_000,
    entries: new Map([
      [`queued|||${BCI}`, 2],
      [`queued|||${BTG}`, 4]
    ])
  }
]

t.test('series are summed up by their labels, and a unit with nothing has no point', async (t) => {
  t.same(seriesOf(FLOWS, ['state']), [
    { labels: { state: 'parked' }, points: [[60_000, 1]] },
    {
      labels: { state: 'queued' },
      points: [
        [60_000, 3],
        [180_000, 6]
      ]
    }
  ])
  t.same(seriesOf(FLOWS, ['code', 'bank']), [
    { labels: { code: 'E101', bank: 'btgpactual.cl' }, points: [[60_000, 1]] },
    { labels: { code: null, bank: 'bci.cl' }, points: [[180_000, 2]] },
    {
      labels: { code: null, bank: 'btgpactual.cl' },
      points: [
        [60_000, 3],
        [180_000, 4]
      ]
    }
  ])
  t.same(
    seriesOf(FLOWS, LABELS).map(({ labels }) => labels),
    [
      { state: 'parked', reason: 'credentials', code: 'E101', service: BTG, bank: 'btgpactual.cl' },
      { state: 'queued', reason: null, code: null, service: BCI, bank: 'bci.cl' },
      { state: 'queued', reason: null, code: null, service: BTG, bank: 'btgpactual.cl' }
    ]
  )
  t.same(seriesOf([], ['state']), [])
})
