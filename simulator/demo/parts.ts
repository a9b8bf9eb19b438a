import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ms, { type StringValue } from 'ms'
import { consumerSettings, defaultConsumerSettings } from '../consumer.ts'
import { freePort } from '../free-port.ts'
import { startKhipu } from '../khipu.ts'
import { startRedis } from '../private-redis.ts'
import policy from './retry-policy.json' with { type: 'json' }
import { createService } from './service.ts'

/** What the command line asks for; `join` is the operator API of a service that runs already. */
export type Flags = Record<'crash' | 'fast' | 'keep', boolean> & { readonly join?: string }

/** What parts are started with: a folder for the files of the service, and a list for what ends a part. */
export type Setup = Flags & {
  readonly folder: string
  readonly stop: AbortController
  readonly say: (line: string) => void
  readonly ends: (() => Promise<void>)[]
}

export type Parts = Awaited<ReturnType<typeof startParts> | ReturnType<typeof joinParts>>

const [fourHours = ''] = policy.retry['wait-4-hours'].delays
const urlAt = (port: number) => `http://127.0.0.1:${port}`

/** Starts Redis, the simulated Khipu and the service; resolves when all are ready. */
export async function startParts({ folder, fast, stop, say, ends }: Setup) {
  const prefix = `khipu-demo-${randomBytes(4).toString('hex')}`
  const redis = await startRedis({ log: say, prefix })
  ends.push(() => redis.stop())
  stop.signal.throwIfAborted()
  const khipu = await startKhipu({ port: 0, callbackDelayMs: fast ? 250 : 1000 })
  ends.push(() => khipu.close())
  const [publicPort, adminPort] = [await freePort(), await freePort()]
  const [publicUrl, adminUrl] = [urlAt(publicPort), urlAt(adminPort)]
  const token = randomBytes(24).toString('hex')
  const callbackTimeout = fast ? '3s' : '5s'
  const atPace = (time: string) => (fast ? ms(ms(time as StringValue) / 4) : time)
  const policyFile = join(folder, 'retry-policy.json')
  writeFileSync(policyFile, JSON.stringify(policy).replaceAll(/\d+s(?=")/g, atPace))
  // Nothing of the caller's own configuration: KHIPU_JWT is not for a simulated Khipu.
  const inherited = ['PATH', 'HOME', 'TMPDIR', 'NODE_OPTIONS', 'NODE_COMPILE_CACHE']
  const env = {
    ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
    ...{ ROLE: 'all', REDIS_URL: redis.url, QUEUE_PREFIX: prefix, RETRY_POLICY_FILE: policyFile },
    ...{ PUBLIC_HOST: '127.0.0.1', PUBLIC_PORT: `${publicPort}`, PUBLIC_URL: publicUrl },
    ...{ ADMIN_HOST: '127.0.0.1', ADMIN_PORT: `${adminPort}`, API_TOKENS: `demo:${token}` },
    ...{ KHIPU_BASE_URL: khipu.url, KHIPU_API_KEY: 'demo', KHIPU_REQUEST_TIMEOUT: '5s' },
    ...{ CALLBACK_TIMEOUT: callbackTimeout, SWEEP_INTERVAL: '3s', SHUTDOWN_DELAY: '0s' },
    SECRET_KEYS: `demo:${randomBytes(32).toString('base64')}`
  }
  const service = createService(env, join(folder, 'service.log'), stop)
  ends.push(() => service.end('SIGTERM'))
  await service.start()
  const ours = { service, publicUrl, isPrivate: redis.pid !== undefined, callbackTimeout }
  const where = { adminUrl, token, khipuUrl: khipu.url, redisUrl: redis.url, prefix }
  return { ...defaultConsumerSettings, ...ours, ...where, fourHours: atPace(fourHours) }
}

/** The parts where a service and a simulator run already: the environment is that of a consumer and the service. */
export async function joinParts(adminUrl: string, env: NodeJS.ProcessEnv) {
  const { API_TOKENS = '', API_TOKENS_FILE: file, SIMULATOR_URL: khipuUrl = urlAt(4000) } = env
  // Each is `name:token`, or `name/scope:token`.
  const [, token] = /^[^:,]+:([^,\s]+)/.exec(file ? readFileSync(file, 'utf8') : API_TOKENS) ?? []
  if (!token) throw new Error('API_TOKENS, or the file API_TOKENS_FILE, has no name:token')
  await fetch(`${khipuUrl}/simulator/reset`, { method: 'POST' })
  const theirs = { service: null, publicUrl: null, isPrivate: false, callbackTimeout: '5s' }
  return { ...theirs, adminUrl, token, khipuUrl, ...consumerSettings(env), fourHours }
}
