import { setTimeout as pause } from 'node:timers/promises'
import { startConsumer } from '../../simulator/consumer.ts'
import type { Results } from '../report/results.ts'
import { openBenchLedger, type Ledger } from '../site/fill.ts'
import { ROOT } from '../site/processes.ts'
import { settledBytes } from '../site/readings.ts'
import { startService } from '../site/service.ts'
import { startStore, type Store } from '../site/store.ts'
import { callBack, createAwaiting } from '../site/walk.ts'
import { measureLateness, type Lateness } from './lateness.ts'
import { timeOperator } from './operator-times.ts'
import type { RunDeps } from './run-deps.ts'
import { type Waiting, waitingResults } from './waiting-results.ts'

/** Seconds that one request of one kind takes to be written. */
const PER_REQUEST = 0.002
const LATENESS_SECONDS = 25

export function waitingSeconds(counts: readonly number[]): number {
  return LATENESS_SECONDS + counts.reduce((sum, count) => sum + 3 * count * PER_REQUEST, 0)
}

/** Memory of waiting requests, written by the ledger's own modules; operator calls and due work beside them. */
export async function measureWaiting({ plan, progress }: RunDeps): Promise<Results> {
  const all: Waiting[] = []
  let lateness: Lateness | undefined
  for (const count of plan.waiting) {
    const store = await startStore()
    await store.setFsync('everysec')
    const ledger = await openBenchLedger(store.redis.url)
    const step = (what: string) =>
      progress.step(`waiting: ${count.toLocaleString('en')} ${what}`, count * PER_REQUEST)
    step('parked requests')
    const parked = await measureParked(store, ledger, count)
    step('scheduled requests')
    const scheduled = await measureScheduled(store, ledger, count)
    if (lateness === undefined) {
      progress.step('waiting: lateness of due work', LATENESS_SECONDS)
      lateness = await measureLateness(store)
    }
    step('consumed results')
    const consumed = await measureConsumed(store, ledger, count)
    const { times, ...bytes } = parked
    all.push({ count, bytes: { ...bytes, 'retry-scheduled': scheduled, consumed }, times })
    await ledger.close()
    await store.stop()
  }
  return waitingResults(all, lateness)
}

async function measureParked(store: Store, ledger: Ledger, count: number) {
  await store.reset()
  const before = await settledBytes(store.client)
  const ids = await createAwaiting(ledger, count)
  const awaiting = ((await settledBytes(store.client)) - before) / count
  await callBack(ledger, ids, 'RETRY_AFTER_NOTIFICATION')
  const parked = ((await settledBytes(store.client)) - before) / count
  const service = await startService({ role: 'server', redisUrl: store.redis.url, root: ROOT })
  const times = await timeOperator(store.client, service, ids[0] ?? '')
  await service.stop()
  return { awaiting, parked, times }
}

async function measureScheduled(store: Store, ledger: Ledger, count: number): Promise<number> {
  await store.reset()
  const before = await settledBytes(store.client)
  await callBack(ledger, await createAwaiting(ledger, count), 'WAIT_4_HOURS_BEFORE_RETRY')
  return ((await settledBytes(store.client)) - before) / count
}

async function measureConsumed(store: Store, ledger: Ledger, count: number): Promise<number> {
  await store.reset()
  const before = await settledBytes(store.client)
  await callBack(ledger, await createAwaiting(ledger, count), 'result')
  const consumer = startConsumer({ redisUrl: store.redis.url, log: () => {}, keep: false })
  while ((await ledger.backlog()).waiting > 0) await pause(100)
  await consumer.close()
  return ((await settledBytes(store.client)) - before) / count
}
