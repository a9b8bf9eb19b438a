import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import ms, { type StringValue } from 'ms'
import { consumerSettings, defaultConsumerSettings } from '../consumer.ts'
import { freePort } from '../free-port.ts'
import { startKhipu } from '../khipu.ts'
import { startRedis } from '../private-redis.ts'
import policy from './retry-policy.json' with { type: 'json' }
import { createService } from './service.ts'

/** What parts are started with. */
export interface Setup {
  /** For the files of the service. */
  readonly folder: string
  readonly fast: boolean
  readonly stop: AbortController
  readonly say: (line: string) => void
  /** Gets what ends a part; what was added last is to be called first. */
  readonly ends: (() => Promise<void>)[]
}

/** Where the parts of the demo are; no service where it is not of the demo. */
export type Parts = Awaited<ReturnType<typeof startParts>> | Awaited<ReturnType<typeof joinParts>>

const [fourHours = ''] = policy.retry['wait-4-hours'].delays

/** Starts Redis, the simulated Khipu and the service; resolves when all are ready. */
export async function startParts({ folder, fast, stop, say, ends }: Setup) {
  const prefix = `khipu-demo-${randomBytes(4).toString('hex')}`
  const { url: redisUrl, pid, stop: stopRedis } = await startRedis({ log: say })
  ends.push(stopRedis)
  if (pid === undefined) ends.push(() => removeKeys(redisUrl, prefix))
  stop.signal.throwIfAborted()
  const { url: khipuUrl, close } = await startKhipu({ port: 0, callbackDelayMs: fast ? 250 : 1000 })
  ends.push(close)
  const [token, publicPort, adminPort] = [
    randomBytes(24).toString('hex'),
    await freePort(),
    await freePort()
  ]
  const urls = {
    publicUrl: `http://127.0.0.1:${publicPort}`,
    adminUrl: `http://127.0.0.1:${adminPort}`
  }
  const callbackTimeout = fast ? '3s' : '5s'
  const atPace = (time: string) => (fast ? ms(ms(time as StringValue) / 4) : time)
  const policyFile = join(folder, 'retry-policy.json')
  writeFileSync(policyFile, JSON.stringify(policy).replaceAll(/\d+s(?=")/g, atPace))
  // Nothing of the caller's own configuration: KHIPU_JWT is not for a simulated Khipu.
  const inherited = ['PATH', 'HOME', 'TMPDIR', 'NODE_OPTIONS', 'NODE_COMPILE_CACHE']
  const env = {
    ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
    ...{ ROLE: 'all', REDIS_URL: redisUrl, QUEUE_PREFIX: prefix, RETRY_POLICY_FILE: policyFile },
    ...{ PUBLIC_HOST: '127.0.0.1', PUBLIC_PORT: `${publicPort}`, PUBLIC_URL: urls.publicUrl },
    ...{ ADMIN_HOST: '127.0.0.1', ADMIN_PORT: `${adminPort}`, API_TOKENS: `demo:${token}` },
    ...{ KHIPU_BASE_URL: khipuUrl, KHIPU_API_KEY: 'demo', KHIPU_REQUEST_TIMEOUT: '5s' },
    ...{ CALLBACK_TIMEOUT: callbackTimeout, SWEEP_INTERVAL: '3s', SHUTDOWN_DELAY: '0s' },
    SECRET_KEYS: `demo:${randomBytes(32).toString('base64')}`
  }
  const service = createService(env, join(folder, 'service.log'), stop)
  ends.push(() => service.end('SIGTERM'))
  await service.start()
  const redis = {
    redisUrl,
    prefix,
    queue: defaultConsumerSettings.queue,
    isPrivate: pid !== undefined
  }
  return {
    service,
    ...urls,
    khipuUrl,
    ...redis,
    token,
    callbackTimeout,
    fourHours: atPace(fourHours)
  }
}

/**
 * The parts where a service and a simulator run already. The environment says where what else is: SIMULATOR_URL;
 * REDIS_URL, RESULT_QUEUE, QUEUE_PREFIX and RESULT_KEYS as for any consumer; API_TOKENS or API_TOKENS_FILE as for the
 * service, whose first token is used.
 */
export async function joinParts(adminUrl: string, env: NodeJS.ProcessEnv) {
  const {
    API_TOKENS = '',
    API_TOKENS_FILE: file,
    SIMULATOR_URL: khipuUrl = 'http://127.0.0.1:4000'
  } = env
  // Each is `name:token`, or `name/scope:token`.
  const [, token] = /^[^:,]+:([^,\s]+)/.exec(file ? readFileSync(file, 'utf8') : API_TOKENS) ?? []
  if (!token) throw new Error('API_TOKENS, or the file API_TOKENS_FILE, has no name:token')
  await fetch(`${khipuUrl}/simulator/reset`, { method: 'POST' })
  const theirs = {
    service: null,
    publicUrl: null,
    isPrivate: false,
    callbackTimeout: '5s',
    fourHours
  }
  return { ...theirs, adminUrl, khipuUrl, token, ...consumerSettings(env) }
}

/** Removes every key with this queue prefix from a Redis that is not ours to end. */
async function removeKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 3 }).on('error', () => {})
  const pages = redis.scanStream({ match: `*${prefix}:*`, count: 1000 }) as AsyncIterable<string[]>
  try {
    for await (const keys of pages) if (keys.length > 0) await redis.unlink(...keys)
  } finally {
    redis.disconnect()
  }
}
