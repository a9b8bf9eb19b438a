import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { startConsumer } from '../../simulator/consumer.ts'
import type { Results, Table } from '../report/results.ts'
import { createRequests, type Ledger, openBenchLedger } from '../site/fill.ts'
import { say } from '../site/processes.ts'
import { fileBytes, settledBytes } from '../site/readings.ts'
import { startStore, type Store } from '../site/store.ts'
import { applyCallbacks, createAwaiting, keepInQuarantine, receiveCallbacks } from '../site/walk.ts'

/** `npm run bench -- memory`: what each stage of a request adds to Redis's memory and to its append-only file. */
const SIZES = [
  { name: '2.6 KB', bytes: 2_600, count: 1_000 },
  { name: '4 MB', bytes: 4_000_000, count: 20 }
] as const

type Size = (typeof SIZES)[number]

interface Reading {
  readonly memory: number
  readonly file: number
}

export async function measureStages(): Promise<Results> {
  const tables: Table[] = []
  for (const size of SIZES) {
    say(`memory: the stages of ${size.count} requests with bodies of ${size.name}`)
    tables.push(await stagesOf(size))
  }
  return { goals: [], tables }
}

async function stagesOf(size: Size): Promise<Table> {
  const store = await startStore()
  const ledger = await openBenchLedger(store.redis.url)
  const start = await read(store)
  await createRequests(ledger, size.count, true)
  const queued = await read(store)
  await store.reset()
  const readings = await liveThrough(store, ledger, size)
  await ledger.close()
  await store.stop()
  const stages: readonly Stage[] = [[QUEUED, queued, start], ...readings]
  // What all requests share counts too much where there are few of them.
  const told = size.count >= ENOUGH ? stages : stages.filter(([name]) => HOLDS_BODY.test(name))
  const begin = readings[0]?.[2] ?? start
  const rows = told.map(([stage, reading, since]) =>
    rowOf(stage, size, since, reading, stage === QUEUED ? start : begin)
  )
  return {
    title: `Memory: bytes per request, body of ${size.name}, ${size.count} requests`,
    head: ['a request that', 'in memory', 'written to the file since its beginning'],
    rows,
    note: NOTE
  }
}

const QUEUED = 'waits to be sent'
const NOTE =
  'No request has an `Idempotency-Key` or a reference. A callback that is not applied yet also has a job, of about ' +
  "0.9 KB. BullMQ's streams of events are left out: they take 5 MB when all are full."
const ENOUGH = 100
const HOLDS_BODY = /callback that|result waits|was consumed|quarantine/

type Stage = readonly [name: string, reading: Reading, since: Reading]

async function liveThrough(store: Store, ledger: Ledger, { count, bytes }: Size): Promise<Stage[]> {
  const empty = await read(store)
  const ids = await createAwaiting(ledger, count)
  const awaiting = await read(store)
  await receiveCallbacks(ledger, ids, { kind: 'callback', bytes })
  const received = await read(store)
  await applyCallbacks(ledger, ids)
  const waits = await read(store)
  await consumeAll(store, ledger)
  const consumed = await read(store)
  const results = new Queue('khipu-results', { connection: store.client, prefix: 'khipu' })
  await results.clean(0, 0, 'completed')
  await results.close()
  const ended = await read(store)
  await keepInQuarantine(ledger, ids, bytes)
  const kept = await read(store)
  return [
    ['awaits its callback', awaiting, empty],
    ['has a callback that is not applied yet, in addition', received, awaiting],
    ['has ended, and its result waits', waits, empty],
    ['has ended, and its result was consumed', consumed, empty],
    ['has ended, without its result', ended, empty],
    ['has a body in quarantine, in addition', kept, ended]
  ]
}

async function consumeAll({ redis }: Store, ledger: Ledger): Promise<void> {
  const consumer = startConsumer({ redisUrl: redis.url, log: () => {}, keep: false })
  while ((await ledger.backlog()).waiting > 0) await pause(100)
  await consumer.close()
}

async function read({ client }: Store): Promise<Reading> {
  return { memory: await settledBytes(client), file: await fileBytes(client) }
}

function rowOf(stage: string, { count }: Size, since: Reading, at: Reading, start: Reading) {
  const each = (bytes: number) => Math.round(bytes / count).toLocaleString('en')
  return [stage, each(at.memory - since.memory), each(at.file - start.file)]
}
