import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { pino } from 'pino'
import { v7 } from 'uuid'
import { BUILT_IN_POLICY } from '../src/core/policy.ts'
import { createCapabilities } from '../src/crypto/callback-token.ts'
import { openLedger } from '../src/ledger/open-ledger.ts'
import { awaitReplicas } from '../src/redis/replicas.ts'
import { createCipher, encryptInline } from '../src/crypto/encrypt.ts'
import { connectFailingFast } from '../src/redis/connect.ts'
import { examineInline } from '../src/callbacks/examine-body.ts'
import {
  buildCallbackListener,
  type CallbackListenerDeps
} from '../src/callbacks/callback-listener.ts'
import type { RedisStoreDeps } from '../src/callbacks/redis-store.ts'
import { startRedis } from '../simulator/private-redis.ts'

/**
 * `npm run bench -- timing`: does the time of a 404 tell what was wrong with the capability? Two kinds
 * of refusals are measured in interleaved pairs, each on a connection of its own, and compared by
 * Welch's t; beside them, in the same run, a listener that leaks it: the figure that a leak has here.
 */
const PAIRS = 4000
const WARM_UP = 300
/** Beyond this |t| two kinds are taken to be told apart. */
const THRESHOLD = 4.5
/** The slowest are the machine's own pauses. */
const COUNTED = 0.95
const DAY = 86_400_000

const LEDGER = {
  queuePrefix: 'timing',
  ledgerRetentionMs: DAY,
  quarantine: { mostEntries: 1000, mostBytes: 1e6, retentionMs: DAY },
  singleFlight: true,
  policy: BUILT_IN_POLICY
}

type Checks = Pick<CallbackListenerDeps, 'capabilities'> & Pick<RedisStoreDeps, 'ledger'>
type Kind = (token: string) => string

interface Question {
  readonly kinds: readonly [what: string, Kind][]
  /** How it could be written, and should not. */
  readonly leaky: (checks: Checks) => Checks
}

const altered: Kind = (token) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')

const QUESTIONS: readonly Question[] = [
  {
    kinds: [
      ['malformed', () => 'x'.repeat(71)],
      ['altered', altered]
    ],
    leaky: (checks) => noLookUpOfNobody({ ...checks, capabilities: looking(checks.capabilities) })
  }
]

/** Has the ledger look for whatever looks like a token. */
function looking(capabilities: Checks['capabilities']): Checks['capabilities'] {
  const verify = (token: string) =>
    /^[^.]+\.[\w-]{68}$/.test(token) ? { requestId: v7(), attempt: 1 } : null
  return { ...capabilities, verify }
}

/** A look-up for whoever has something to look up, and none for the others. One request at a time. */
function noLookUpOfNobody({ capabilities, ledger }: Checks): Checks {
  let hasAny = false
  const verify = (token: string) => {
    const capability = capabilities.verify(token)
    hasAny = capability !== null
    return capability
  }
  const has = async (id: string) => hasAny && ledger.has(id)
  return { capabilities: { ...capabilities, verify }, ledger: { ...ledger, has } }
}

export async function compareTimes(): Promise<void> {
  const redis = await startRedis({ url: null })
  const log = pino({ level: 'silent' })
  const { hostname: host, port } = new URL(redis.url)
  const address = { host, port: Number(port), username: null, password: null, ca: null }
  const connection = connectFailingFast({ ...address, database: 0, isTls: false }, log)
  await once(connection, 'ready')
  const secretKeys = [{ kid: 'k1', bytes: randomBytes(32) }] as const
  const opened = openLedger(connection, { ...LEDGER, secretKeys })
  const capabilities = createCapabilities(secretKeys)
  const checks: Checks = { capabilities, ledger: opened.ledger }
  const open = async (port: number, used: Checks) => {
    const never = { enqueueCallback: async () => {} }
    const replicas = awaitReplicas(connection, 0, 'khipu:fence')
    const writer = { ...opened, jobs: never, replicas }
    const others = {
      examine: examineInline(createCipher(secretKeys)),
      seal: encryptInline(createCipher(secretKeys)),
      spool: null,
      isStopping: () => false,
      counted: () => {},
      dropped: () => {}
    }
    const writers = { small: writer, large: writer }
    const redis = { ledger: used.ledger, writers, canStore: () => true }
    const refusals = { perAddress: 1e9, inAll: 1e9 }
    const settings = { bodyLimit: 1000, refusals, maxConnections: 100, trustedProxies: [] }
    const app = await buildCallbackListener({ ...others, ...used, redis, log }, settings)
    await app.listen({ host: '127.0.0.1', port })
    return app
  }
  for (const { kinds, leaky } of QUESTIONS) {
    const apps = [await open(21310, checks), await open(21311, leaky(checks))]
    const sign = () => capabilities.sign({ requestId: v7(), attempt: 1 })
    const [ours, leaking] = await measure([21310, 21311], kinds, sign)
    const words = kinds.map(([what]) => what).join(' / ')
    console.log(`${words}: |t| ours ${ours}, leaky ${leaking} (told apart from ${THRESHOLD} on)`)
    await Promise.all(apps.map((app) => app.close()))
  }
  connection.disconnect()
  await redis.stop()
}

/** |t| between the two kinds, for each port. */
async function measure(
  ports: readonly number[],
  kinds: Question['kinds'],
  sign: () => string
): Promise<string[]> {
  const times = ports.map(() => kinds.map((): number[] => []))
  const one = async (round: number, at: number, kind: number) => {
    const time = await timeOf(ports[at] ?? 0, kinds[kind]?.[1](sign()) ?? '')
    if (round >= 0) times[at]?.[kind]?.push(time)
  }
  for (let round = -WARM_UP; round < PAIRS; round += 1) {
    for (const at of ports.keys()) {
      // Whichever comes second finds warmer caches.
      const first = Math.random() < 0.5 ? 0 : 1
      await one(round, at, first)
      await one(round, at, 1 - first)
    }
  }
  return times.map(([first = [], second = []]) => welch(first, second).toFixed(2))
}

/** Microseconds from the last byte of a request to the first of its answer. */
async function timeOf(port: number, token: string): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const start = process.hrtime.bigint()
  socket.write(`POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  const time = Number(process.hrtime.bigint() - start) / 1000
  socket.destroy()
  if (!answer.toString().startsWith('HTTP/1.1 404')) throw new Error('it was not refused')
  return time
}

function welch(one: readonly number[], other: readonly number[]): number {
  const most = [...one, ...other].toSorted((a, b) => a - b)
  const limit = most[Math.floor(most.length * COUNTED)] ?? Number.POSITIVE_INFINITY
  const [a, b] = [one, other].map((times) => momentsOf(times.filter((time) => time < limit)))
  if (a === undefined || b === undefined) return 0
  return Math.abs(a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)
}

function momentsOf(times: readonly number[]) {
  const count = times.length
  const mean = times.reduce((sum, time) => sum + time, 0) / count
  const variance = times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (count - 1)
  return { count, mean, variance }
}
