import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { request } from 'undici'
import { bytesOf } from '../simulator/envelope.ts'
import { freePort } from '../simulator/free-port.ts'
import { startKhipu } from '../simulator/khipu.ts'
import { startRedis } from '../simulator/private-redis.ts'
import { createCapabilities } from '../src/crypto/callback-token.ts'
import { inFlight, run, stop } from './intake.ts'
import { measureEvents, type Reading, readRedis } from './reading.ts'

/** A Redis, a server, and a worker that works only when it is told to. */
export interface Site {
  readonly queue: Queue
  readonly redisUrl: string
  /** The most that each process has had of the machine's memory, in bytes; 0 where that is not told. */
  readonly peaks: { server: number; worker: number }
  /** The same as each has just after its start. */
  readonly idle: { server: number; worker: number }
  /** How large each of BullMQ's streams of events is at its bound. */
  readonly events: ReadonlyMap<string, number>
  /** Asks for so many accounts, each with a reference and an Idempotency-Key; the ids of the requests. */
  ask(count: number): Promise<readonly string[]>
  /** Posts a callback for each, with so many transactions; throws where one is answered otherwise. */
  callBack(ids: readonly string[], transactions: number): Promise<void>
  /** Posts for each what is not JSON, and as large. */
  callBackWrongly(ids: readonly string[], bytes: number): Promise<void>
  /** Has a worker work until so many requests are in a state. */
  work(state: string, count: number): Promise<void>
  read(): Promise<Reading>
  /** What a rewrite leaves of the append-only file. */
  rewrite(): Promise<Reading>
  close(): Promise<void>
}

const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
const TOKEN = 'bench'
const AT_ONCE = 10
/** The pretend Khipu never calls back for these accounts: the bench does. */
const NEVER = '1205'

export async function openSite(): Promise<Site> {
  const redis = await startRedis({ url: null, args: ['--auto-aof-rewrite-percentage', '0'] })
  const client = new Redis(redis.url, { replyMapping: 'legacy' })
  const khipu = await startKhipu({ port: 0, keep: 1 })
  const [port, adminPort, workerPort] = [await freePort(), await freePort(), await freePort()]
  const { sign } = createCapabilities([{ kid: 'k1', bytes: KEY }])
  const queue = new Queue('khipu-results', { connection: client, prefix: 'khipu' })
  const env = {
    REDIS_URL: redis.url,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    PUBLIC_PORT: String(port),
    KHIPU_BASE_URL: khipu.url,
    KHIPU_JWT: 'bench',
    API_TOKENS: `bench:${TOKEN}`,
    SECRET_KEYS: `k1:${KEY.toString('base64')}`,
    LOG_LEVEL: 'warn'
  }
  const start = (ROLE: string, admin: number) =>
    run(
      '../dist/main.js',
      { ...env, ROLE, ADMIN_PORT: String(admin) },
      `http://127.0.0.1:${admin}/health/live`
    )
  const server = await start('server', adminPort)
  await untilReady(adminPort)
  const idle = { server: memoryOf(server, 'VmRSS'), worker: 0 }
  const peaks = { server: 0, worker: 0 }
  const events = new Map<string, number>()
  let asked = 0

  const post = async (requestId: string, body: Buffer, expected: number) => {
    const url = `${env.PUBLIC_URL}/callbacks/${sign({ requestId, attempt: 1 })}`
    const { statusCode, body: answer } = await request(url, { method: 'POST', body })
    await answer.dump()
    if (statusCode !== expected) throw new Error(`a callback was answered ${statusCode}`)
  }

  return {
    queue,
    redisUrl: redis.url,
    peaks,
    idle,
    events,
    ask: (count) => inFlight(count, AT_ONCE, () => askFor(adminPort, `${NEVER}-${asked++}`)),

    async callBack(ids, count) {
      await inFlight(ids.length, AT_ONCE, async (index) => {
        const subject = { operationId: randomUUID(), account: `${NEVER}-${index}` }
        await post(ids[index] ?? '', bytesOf({ kind: 'transactions', count }, subject), 200)
      })
      peaks.server = Math.max(peaks.server, memoryOf(server, 'VmHWM'))
    },

    async callBackWrongly(ids, bytes) {
      const body = (index: number) => Buffer.from(`${index} `.padEnd(bytes, 'x'))
      await inFlight(ids.length, AT_ONCE, (index) => post(ids[index] ?? '', body(index), 400))
    },

    async work(state, count) {
      const worker = await start('worker', workerPort)
      idle.worker = Math.max(idle.worker, memoryOf(worker, 'VmRSS'))
      await untilThereAre(adminPort, state, count)
      peaks.worker = Math.max(peaks.worker, memoryOf(worker, 'VmHWM'))
      await stop(worker)
    },

    async read() {
      await measureEvents(client, events)
      return readRedis(client, redis.folder ?? '')
    },

    async rewrite() {
      await client.bgrewriteaof()
      while (/aof_rewrite_(?:in_progress|scheduled):1/.test(await client.info('persistence'))) {
        await pause(50)
      }
      return readRedis(client, redis.folder ?? '')
    },

    async close() {
      await Promise.all([stop(server), khipu.close()])
      await queue.close()
      client.disconnect()
      await redis.stop()
    }
  }
}

async function askFor(adminPort: number, account: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/v1/requests`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'idempotency-key': account
    },
    body: JSON.stringify({ RequestData: { AccountNumber: account }, reference: account })
  })
  if (response.status !== 202) throw new Error(`asking was answered ${response.status}`)
  return ((await response.json()) as { requestId: string }).requestId
}

async function untilReady(adminPort: number): Promise<void> {
  while (!(await fetch(`http://127.0.0.1:${adminPort}/health/ready`)).ok) await pause(50)
}

async function untilThereAre(adminPort: number, state: string, count: number): Promise<void> {
  const line = new RegExp(`^khipu_requests_\\w+\\{state="${state}"\\} ${count}$`, 'm')
  for (;;) {
    const metrics = await fetch(`http://127.0.0.1:${adminPort}/metrics`)
    if (line.test(await metrics.text())) return
    await pause(100)
  }
}

/** Linux tells; elsewhere it is 0. */
function memoryOf({ pid }: ChildProcess, name: 'VmRSS' | 'VmHWM'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
