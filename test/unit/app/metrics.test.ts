import t from 'tap'
import { boundedLabel, boundedTogether } from '../../../src/app/metrics/bounded-label.ts'
import { liveCounts } from '../../../src/app/metrics/live-gauges.ts'
import type { SizedGroup } from '../../../src/core/groups/group.ts'
import { createMetrics } from '../../../src/app/metrics.ts'
import { scrapeOfAll } from '../../helpers/scrape.ts'

const service = (bank: string) => `cl/banking/personal/${bank}/transactions`
const group = (
  state: string,
  reason: string,
  code: string,
  bank: string,
  count = 1
): SizedGroup => ({
  name: [state, reason, code, service(bank)].join('|'),
  count,
  oldestAt: 1
})

t.test('a label keeps the values that came first, and calls all others alike', async (t) => {
  const bounded = boundedLabel(2)
  t.same(['b', 'a', 'c', 'b', 'd'].map(bounded), ['b', 'a', 'other', 'b', 'other'])
})

t.test('processes that have the same values bound them alike, in whatever order', async (t) => {
  const [one, other] = [
    boundedTogether(2, ['c', 'a', 'b', 'a']),
    boundedTogether(2, ['b', 'c', 'a'])
  ]
  for (const value of ['a', 'b', 'c', 'd']) t.equal(one(value), other(value))
  t.same(['a', 'b', 'c'].map(one), ['a', 'b', 'other'])
})

t.test('live requests are counted by state, reason and bank, codes together', async (t) => {
  const sizes = [
    group('parked', 'credentials', 'E101', 'bci.cl', 2),
    group('parked', 'credentials', 'E102', 'bci.cl', 3),
    group('parked', 'credentials', 'E101', 'santander.cl', 4),
    group('delivered', '', '', 'bci.cl', 100)
  ]
  t.same(liveCounts({ parked: 9, queued: 0 }, sizes), [
    { state: 'parked', reason: 'credentials', bank: 'bci.cl', count: 5 },
    { state: 'parked', reason: 'credentials', bank: 'santander.cl', count: 4 },
    { state: 'queued', reason: '', bank: '', count: 0 }
  ])
})

t.test('the banks beyond the fiftieth are counted together, and none is lost', async (t) => {
  const sizes = Array.from({ length: 60 }, (_, index) =>
    group('queued', '', '', `bank-${String(index).padStart(2, '0')}.cl`)
  )
  const counts = liveCounts({ queued: 60 }, sizes)
  t.equal(counts.length, 51)
  t.match(counts.at(-1), { bank: 'other', count: 10 })
})

t.test('while an older ledger is being indexed the states alone are known', async (t) => {
  t.same(liveCounts({ queued: 3, parked: 1 }, null), [
    { state: 'queued', reason: '', bank: '', count: 3 },
    { state: 'parked', reason: '', bank: '', count: 1 }
  ])
})

t.test('every HELP of ours says how the values of several processes go together', async (t) => {
  const helps = [...(await scrapeOfAll()).matchAll(/^# HELP (khipu_\w+) (.*)$/gm)]
  t.ok(helps.length > 35)
  for (const [, name = '', help = ''] of helps) {
    t.match(help, /(?:aggregate with (?:max|sum)|Of this process)$/, name)
  }
})

t.test('what an alert waits for is there with 0 before it happens', async (t) => {
  const empty = { entries: 0, bytes: 0, filled: 0, evicted: 0 }
  const metrics = createMetrics({
    catalog: {
      totals: async () => ({ accepted: 0, ended: {}, live: {}, setAside: 0 }),
      overdueMs: async () => 0,
      sizes: async () => [],
      now: async () => Date.now()
    },
    quarantine: { usage: async () => empty },
    backlog: async () => ({ waiting: 0, failed: 0, oldestMs: 0 }),
    queues: { counts: async () => [] }
  })
  const { text } = await metrics.render()
  for (const line of [
    'khipu_callbacks_total{status="unavailable"} 0',
    'khipu_quarantined_total{kind="schema"} 0',
    'khipu_index_strays_total{what="group"} 0'
  ]) {
    t.ok(text.includes(`\n${line}\n`), line)
  }
  t.notMatch(text, 'khipu_authorization_expires_seconds', 'an authorization without an expiry')
})
