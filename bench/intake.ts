import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { createCapabilities } from '../src/crypto/callback-token.ts'

/** A receiver under test: where it listens, and the path for the n-th callback of a round. */
export interface Receiver {
  readonly name: string
  readonly origin: string
  readonly paths: readonly string[]
  stop(): Promise<void>
}

const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
const TOKEN = 'bench'
const SAMPLE = JSON.parse(
  readFileSync(new URL('../schemas/examples/callback.example.json', import.meta.url), 'utf8')
) as object

/** The service in the role of a server, with as many requests in its ledger as there will be callbacks. */
export async function startOurs(
  redisUrl: string,
  ports: [number, number],
  count: number
): Promise<Receiver> {
  const [port, adminPort] = ports
  const child = await run(
    '../src/main.ts',
    {
      ROLE: 'server',
      REDIS_URL: redisUrl,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      PUBLIC_PORT: String(port),
      ADMIN_PORT: String(adminPort),
      KHIPU_JWT: 'bench',
      API_TOKENS: `bench:${TOKEN}`,
      SECRET_KEYS: `k1:${KEY.toString('base64')}`,
      LOG_LEVEL: 'warn'
    },
    `http://127.0.0.1:${adminPort}/health/ready`
  )
  const { sign } = createCapabilities([{ kid: 'k1', bytes: KEY }])
  const ids = await inFlight(count, 20, () => ask(adminPort))
  const paths = ids.map((requestId) => `/callbacks/${sign({ requestId, attempt: 1 })}`)
  return { name: 'ours', origin: `http://127.0.0.1:${port}`, paths, stop: () => stop(child) }
}

export async function startPlain(redisUrl: string, port: number, count: number): Promise<Receiver> {
  const origin = `http://127.0.0.1:${port}`
  const child = await run('plain-receiver.ts', { REDIS_URL: redisUrl, PORT: String(port) }, origin)
  const paths = Array.from({ length: count }, () => '/callbacks/anything')
  return { name: 'plain', origin, paths, stop: () => stop(child) }
}

/** Callbacks per second, each with a body of its own; throws where one is not answered 200. */
export async function measure(
  receiver: Receiver,
  from: number,
  to: number,
  connections: number
): Promise<number> {
  const pool = new Pool(receiver.origin, { connections })
  const paths = receiver.paths.slice(from, to)
  const start = performance.now()
  await inFlight(paths.length, connections, async (index) => {
    const body = JSON.stringify({ ...SAMPLE, OperationId: randomUUID() })
    const headers = { 'content-type': 'application/json' }
    const path = paths[index] ?? ''
    const response = await pool.request({ method: 'POST', path, headers, body })
    await response.body.dump()
    if (response.statusCode !== 200) throw new Error(`${receiver.name}: ${response.statusCode}`)
  })
  const seconds = (performance.now() - start) / 1000
  await pool.close()
  return paths.length / seconds
}

async function ask(adminPort: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/v1/requests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: '{"RequestData":{"AccountNumber":"1"}}'
  })
  return ((await response.json()) as { requestId: string }).requestId
}

/** Does so many tasks, `width` of them at a time; their results in order. */
export async function inFlight<T>(
  count: number,
  width: number,
  task: (index: number) => Promise<T>
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const lane = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await task(index)
  }
  await Promise.all(Array.from({ length: width }, lane))
  return results
}

/** Starts a Node process, and resolves once that address answers, with another status than 5xx. */
export async function run(
  file: string,
  env: Record<string, string>,
  alive: string
): Promise<ChildProcess> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  process.once('exit', () => child.kill('SIGKILL'))
  for (let tries = 0; tries < 100; tries += 1) {
    if (
      await fetch(alive).then(
        ({ status }) => status < 500,
        () => false
      )
    )
      return child
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${file} did not start`)
}

export async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill()
  await exited
}
