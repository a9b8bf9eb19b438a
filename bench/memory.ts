import { setTimeout as pause } from 'node:timers/promises'
import { startConsumer } from '../simulator/consumer.ts'
import type { Reading } from './reading.ts'
import { openSite, type Site } from './site.ts'

/**
 * `npm run build && npm run bench -- memory`: how many bytes of Redis's memory, and of its append-only file, each
 * thing takes, from the difference that many of them make; and what the processes take meanwhile.
 */
const SIZES = [
  { what: '3 transactions, 2.6 kB', transactions: 3, bytes: 2_600, count: 1000 },
  { what: '5,000 transactions, 4 MB', transactions: 5000, bytes: 4_000_000, count: 20 }
] as const

type Size = (typeof SIZES)[number]

const WARM_UP = 10

export async function measureMemory(): Promise<void> {
  for (const size of SIZES) {
    const site = await openSite()
    await liveThrough(site, { ...size, count: WARM_UP }, WARM_UP)
    const readings = await liveThrough(site, size, WARM_UP + size.count)
    report(size, site, readings)
    await site.close()
  }
}

type Readings = Readonly<Record<Moment, Reading>>
type Moment =
  | 'before'
  | 'asked'
  | 'open'
  | 'received'
  | 'published'
  | 'consumed'
  | 'left'
  | 'quarantined'
  | 'rewritten'

/** Takes many requests through their lives side by side, and reads at every stage; `ended` counts all there ever were. */
async function liveThrough(
  site: Site,
  size: Omit<Size, 'count'> & { readonly count: number },
  ended: number
): Promise<Readings> {
  const { count, transactions, bytes } = size
  const before = await site.read()
  const ids = await site.ask(count)
  const asked = await site.read()
  await site.work('awaiting-callback', count)
  const open = await site.read()
  await site.callBack(ids, transactions)
  const received = await site.read()
  await site.work('delivered', ended)
  const published = await site.read()
  await consumeAll(site)
  const consumed = await site.read()
  await site.queue.clean(0, 0, 'completed')
  const left = await site.read()
  await site.callBackWrongly(ids, bytes)
  const quarantined = await site.read()
  const rewritten = await site.rewrite()
  return { before, asked, open, received, published, consumed, left, quarantined, rewritten }
}

async function consumeAll({ queue, redisUrl }: Site): Promise<void> {
  const consumer = startConsumer({ redisUrl, log: () => {}, keep: false })
  while ((await queue.getJobCountByTypes('waiting', 'active')) > 0) await pause(50)
  await consumer.close()
}

function report({ what, count }: Size, { idle, peaks, events }: Site, at: Readings): void {
  const each = (from: Moment, to: Moment, of: keyof Reading = 'memory') =>
    `${Math.round((at[to][of] - at[from][of]) / count).toLocaleString('en')} bytes`
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`
  const rows = [
    ['a request that is queued', each('before', 'asked')],
    ['one that awaits its callback', each('before', 'open')],
    ['a callback not acted on yet', each('open', 'received')],
    ['a result that waits', each('left', 'published')],
    ['a result that was consumed', each('left', 'consumed')],
    ['a request that has ended', each('before', 'left')],
    ['a body in quarantine', each('left', 'quarantined')],
    ['file: a request to its end', each('before', 'left', 'file')],
    ['file: a body in quarantine', each('left', 'quarantined', 'file')],
    ['file: after a rewrite', `${mb(at.rewritten.file)}, of ${mb(at.rewritten.memory)} in memory`],
    ['streams of events, when full', `${[...events.values()].map(mb).join(', ') || 'not told'}`],
    ['server', `idle ${mb(idle.server)}, at the most ${mb(peaks.server)}`],
    ['worker', `idle ${mb(idle.worker)}, at the most ${mb(peaks.worker)}`]
  ]
  console.log(`${what}, of ${count}:`)
  for (const [name = '', value] of rows) console.log(`  ${name.padEnd(30)}${value}`)
}
