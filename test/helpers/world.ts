import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue, type Job } from 'bullmq'
import { type Cluster, Redis } from 'ioredis'
import { freePort } from '../../simulator/free-port.ts'
import { startKhipu, type Khipu } from '../../simulator/khipu.ts'
import {
  startRedis,
  type PrivateRedis,
  type PrivateRedisSettings
} from '../../simulator/private-redis.ts'
import type { Settings } from '../../simulator/settings.ts'
import type { RequestView, Result, RetryPolicy } from '../../src/schemas/generated.ts'
import { type Env, type Operated, type Service, spawnService, TOKEN } from './service-process.ts'
import { until } from './until.ts'

/** What a journey needs around the service. */
export interface WorldSettings {
  readonly khipu?: Partial<Settings>
  /** Rows of the retry policy file; without any the built-in policy holds. */
  readonly policy?: RetryPolicy
  readonly env?: Env
  /** A Redis of its own, which may be stopped and killed. */
  readonly ownRedis?: boolean
  /** How that one is started. */
  readonly redis?: PrivateRedisSettings
  /** Several of them, in the place of one. */
  readonly machines?: Machines
}

/** Several Redis, how a process of the service is told of them, and how others reach them. */
export interface Machines {
  readonly env: Env
  connect(): Redis | Cluster
}

/** A Redis, a pretend Khipu, and the settings with which processes of the service meet in them. */
export interface World {
  readonly redis: PrivateRedis
  /** A connection that waits while Redis is away. */
  readonly client: Redis
  readonly khipu: Khipu
  readonly env: Env
  /** The result queue, as a consumer opens it. */
  readonly results: Queue<Result>
  /** Starts a process and resolves once it is ready; with ports of its own where `env` has some. */
  start(env?: Env): Promise<Service>
  /** Starts a process that need not come up. */
  spawn(env?: Env): Service
}

/** Who is told what to do when it is over: a test, or the run of a fault. */
export interface Scope {
  teardown(task: () => unknown): void
}

/** A bank account of a scenario that no other request of the same world has. */
export function accountOf(prefix: string, number: number): string {
  return `${prefix}-${String(number).padStart(4, '0')}`
}

/** Builds a world that is gone when the test has ended. */
export async function startWorld(scope: Scope, settings: WorldSettings = {}): Promise<World> {
  const { ownRedis = false, machines } = settings
  const own = ownRedis ? { ...settings.redis, url: null } : {}
  const redis = machines ? NONE : await startRedis(own)
  const khipu = await startKhipu({ port: await freePort(), ...settings.khipu })
  const client = new Redis(redis.url, {
    ...PATIENT,
    replyMapping: 'legacy',
    lazyConnect: machines !== undefined
  })
  client.on('error', () => {})
  const prefix =
    { ...machines?.env, ...settings.env }['QUEUE_PREFIX'] ??
    `journey-${randomBytes(6).toString('hex')}`
  const connection = machines?.connect()
  const results = new Queue<Result>('khipu-results', {
    prefix,
    connection: connection ?? { ...PATIENT, url: redis.url }
  })
  results.on('error', () => {})
  const folder = await mkdtemp(join(tmpdir(), 'khipu-journey-'))
  const running: Service[] = []
  const env = {
    ...(await settingsOf(redis.url, khipu.url, prefix)),
    ...(await policyFile(folder, settings.policy)),
    ...machines?.env,
    ...settings.env
  }
  const spawn = (more: Env = {}) => {
    const service = spawnService({ ...env, ...more })
    running.push(service)
    return service
  }
  scope.teardown(async () => {
    await Promise.all(running.map((service) => service.kill()))
    await khipu.close()
    await results.close()
    // A connection that it was given is not the queue's to end.
    connection?.disconnect()
    if (!ownRedis && !machines) await forget(client, prefix)
    client.disconnect()
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    redis,
    client,
    khipu,
    env,
    results,
    spawn,
    async start(more) {
      const service = spawn(more)
      await service.ready()
      return service
    }
  }
}

/** The Redis of a world that has several: whoever started them ends them. */
const NONE: PrivateRedis = {
  url: 'redis://127.0.0.1:1',
  pid: undefined,
  folder: undefined,
  hasEnded: () => false,
  stop: async () => {},
  restart: async () => {},
  kill: async () => {}
}

const PATIENT = { maxRetriesPerRequest: null, retryStrategy: () => 50 } as const

/** Ports for one more process beside another. */
export async function otherPorts(): Promise<Env> {
  return { PUBLIC_PORT: String(await freePort()), ADMIN_PORT: String(await freePort()) }
}

async function settingsOf(redisUrl: string, khipuUrl: string, prefix: string): Promise<Env> {
  const ports = await otherPorts()
  return {
    ...ports,
    PUBLIC_URL: `http://127.0.0.1:${ports['PUBLIC_PORT']}`,
    PUBLIC_HOST: '127.0.0.1',
    REDIS_URL: redisUrl,
    QUEUE_PREFIX: prefix,
    KHIPU_BASE_URL: khipuUrl,
    KHIPU_API_KEY: 'journey-api-key',
    // Nobody sends anything here when a process ends; the tests that do have a delay.
    SHUTDOWN_DELAY: '0s',
    API_TOKENS: `journey:${TOKEN}`,
    SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`
  }
}

async function policyFile(folder: string, policy: RetryPolicy | undefined): Promise<Env> {
  if (policy === undefined) return {}
  const file = join(folder, 'policy.json')
  await writeFile(file, JSON.stringify(policy))
  return { RETRY_POLICY_FILE: file }
}

// The Redis may be somebody's: only what was written here goes.
async function forget(client: Redis, prefix: string): Promise<void> {
  for (const match of [`${prefix}:*`, `{${prefix}:*`]) {
    for await (const keys of client.scanStream({ match, count: 1000 })) {
      if ((keys as string[]).length > 0) await client.unlink(keys as string[])
    }
  }
}

/** Asks for the transactions of an account; the id of the request that was accepted. */
export async function ask(service: Operated, account: string, more: object = {}): Promise<string> {
  const body = { RequestData: { AccountNumber: account }, reference: account, ...more }
  const answer = await service.api<{ requestId?: string }>('POST', '/v1/requests', body)
  const { requestId } = answer.body
  if (answer.status !== 202 || requestId === undefined) {
    throw new Error(`asking was answered ${answer.status}: ${answer.text}`)
  }
  return requestId
}

/** A request as the operator API shows it. */
export async function view(service: Operated, requestId: string): Promise<RequestView> {
  const answer = await service.api<RequestView>('GET', `/v1/requests/${requestId}`)
  if (answer.status !== 200) throw new Error(`${requestId} was answered ${answer.status}`)
  return answer.body
}

const ENDED: ReadonlySet<string> = new Set(['delivered', 'failed', 'cancelled'])

/** The request once it has ended, or is parked after at least so many attempts. */
export function atRest(
  service: Operated,
  requestId: string,
  parkedAfter = Infinity,
  withinMs?: number
): Promise<RequestView> {
  return until(
    `${requestId} is at rest`,
    async () => {
      const seen = await view(service, requestId).catch(() => null)
      if (seen === null) return null
      const parked = seen.state === 'parked' && seen.attempts >= parkedAfter
      return ENDED.has(seen.state) || parked ? seen : null
    },
    withinMs
  )
}

/** The request once it is in a state. */
export function inState(service: Operated, requestId: string, state: string): Promise<RequestView> {
  return until(`${requestId} is ${state}`, async () => {
    const seen = await view(service, requestId)
    return seen.state === state ? seen : null
  })
}

/** Every job on the result queue, whether a consumer has had it or not. */
export async function resultJobs({ results }: World): Promise<Job<Result>[]> {
  const states = ['wait', 'active', 'delayed', 'prioritized', 'completed', 'failed'] as const
  return results.getJobs([...states], 0, -1)
}

/** The jobs of the result queue by their ids, once there are as many as were asked for. */
export async function resultsOf(
  world: World,
  requestIds: readonly string[]
): Promise<ReadonlyMap<string, Job<Result>>> {
  const wanted = new Set(requestIds)
  return until(`there are ${wanted.size} results`, async () => {
    const jobs = await resultJobs(world)
    const byId = new Map(jobs.map((job) => [job.id ?? '', job]))
    return [...wanted].every((id) => byId.has(id)) ? byId : null
  })
}

/** The values of /metrics whose name and labels begin so, by their labels. */
export async function metric(
  service: Operated,
  name: string
): Promise<ReadonlyMap<string, number>> {
  const { text } = await service.api('GET', '/metrics')
  const found = text.matchAll(/^(?<name>\w+)(?:\{(?<labels>[^}]*)\})? (?<value>\S+)$/gm)
  const mine = [...found].filter(({ groups }) => groups?.['name'] === name)
  return new Map(mine.map(({ groups }) => [groups?.['labels'] ?? '', Number(groups?.['value'])]))
}

/** The sum of a metric over all its labels, or over those with one label such as `state="parked"`. */
export async function sumOf(service: Operated, name: string, label = ''): Promise<number> {
  const found = [...(await metric(service, name))].filter(([labels]) => labels.includes(label))
  return found.reduce((sum, [, value]) => sum + value, 0)
}
