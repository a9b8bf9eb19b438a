import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startConsumer } from '../simulator/consumer.ts'
import { startKhipu } from '../simulator/khipu.ts'
import { startRedis } from '../simulator/private-redis.ts'

// `npm run dev`: the service between a simulated Khipu and a simulated consumer, restarted after each change of src or
// schemas. It takes the Redis at REDIS_URL, or starts one of its own. A setting of the environment goes before those
// below: ADMIN_PORT=8080 SIMULATOR_PORT=4001 npm run dev.

const PORTS = { public: 3000, operator: 3001, khipu: 4000 }
const TOKEN = 'npm-run-dev-token'

const root = fileURLToPath(new URL('..', import.meta.url))
/** The same each time: requests of a Redis that stays need it. */
const secretKey = createHash('sha256').update('npm run dev').digest('base64')

const redis = await startRedis({ log: (line) => console.log(line) })
const khipu = await startKhipu({
  port: Number(process.env['SIMULATOR_PORT'] ?? PORTS.khipu),
  callbackDelayMs: 1_000
})
const prefix = process.env['QUEUE_PREFIX'] ?? 'khipu-dev'
const env = {
  QUEUE_PREFIX: prefix,
  PUBLIC_HOST: '127.0.0.1',
  PUBLIC_PORT: String(PORTS.public),
  PUBLIC_URL: `http://127.0.0.1:${process.env['PUBLIC_PORT'] ?? PORTS.public}`,
  ADMIN_PORT: String(PORTS.operator),
  API_TOKENS: `dev:${TOKEN}`,
  SECRET_KEYS: `dev:${secretKey}`,
  KHIPU_BASE_URL: khipu.url,
  KHIPU_API_KEY: 'dev',
  SHUTDOWN_DELAY: '0s',
  ...process.env,
  REDIS_URL: redis.url
}
const consumer = startConsumer({
  redisUrl: redis.url,
  queue: process.env['RESULT_QUEUE'] ?? 'khipu-results',
  prefix
})

const watched = ['src', 'schemas'].map((path) => `--watch-path=${join(root, path)}`)
const service = spawn(process.execPath, [...watched, 'src/main.ts'], {
  cwd: root,
  env,
  stdio: 'inherit'
})

// Of API_TOKENS in the environment none is shown.
const token = process.env['API_TOKENS'] === undefined ? TOKEN : '<of API_TOKENS>'
console.log(`
operator API  http://127.0.0.1:${env.ADMIN_PORT}, token "${token}"
simulator     ${khipu.url}/simulator/calls
ask           curl -sS http://127.0.0.1:${env.ADMIN_PORT}/v1/requests -H 'Authorization: Bearer ${token}' \\
                -H 'Content-Type: application/json' -d '{"RequestData":{"AccountNumber":"1001-1"}}'
Ctrl-C ends it. simulator/README.md lists the scenarios by how the account number begins.
`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => service.kill(signal))
await once(service, 'close')
await consumer.close()
await khipu.close()
await redis.stop()
process.exit()
