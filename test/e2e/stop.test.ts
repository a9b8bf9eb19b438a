import { Agent, request as send, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { bytes, ok } from '../helpers/callbacks.ts'
import { call, type Service } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import {
  accountOf,
  ask,
  atRest,
  resultJobs,
  resultsOf,
  startWorld,
  sumOf,
  type World
} from '../helpers/world.ts'

// They wait more than they work, so they run side by side.
t.jobs = 3

const CLEAN = { code: 0, signal: null }
/** Its callbacks are repeated until they are taken. */
const KHIPU = { callbackDelayMs: 200, callbackRepeats: 500, callbackRepeatDelayMs: 100 }

// They wait more than they work, and each has a world of its own.
// Each has options of its own as well: tap writes into them.
t.jobs = 3

t.test(
  'SIGTERM under load ends with code 0, and nothing is lost',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t, {
      khipu: KHIPU,
      env: { SWEEP_INTERVAL: '2s' }
    })
    const first = await world.start()
    const accepted: string[] = []
    const asking = (async () => {
      for (let number = 0; number < 300; number += 10) {
        const ten = Array.from({ length: 10 }, (_, one) =>
          ask(first, accountOf('1001', number + one))
        )
        const outcomes = await Promise.allSettled(ten)
        const taken = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
        accepted.push(...taken)
        if (taken.length === 0) return
      }
    })()
    await until('the first results are there', async () => (await resultJobs(world)).length >= 20)
    t.same(await first.stop(), CLEAN)
    await asking
    t.same(first.strays, [])
    t.equal(first.stderr(), '')
    t.same(
      first.logs.filter(({ level }) => level >= 50),
      []
    )

    const second = await world.start()
    for (const requestId of accepted) await atRest(second, requestId)
    const known = await sumOf(second, 'khipu_requests_accepted')
    await until(
      'every request has ended',
      async () => (await sumOf(second, 'khipu_requests_ended')) === known
    )
    t.ok(known >= accepted.length)
    t.ok((await resultsOf(world, accepted)).size === known, 'one result each')
    t.equal((await resultJobs(world)).length, known)
    t.equal(world.khipu.calls.length, known, 'and nothing was asked twice')
    t.same(await second.stop(), CLEAN)
  }
)

t.test('SIGTERM without anything to do ends with code 0', { buffered: true }, async (t) => {
  const world = await startWorld(t)
  t.same(await (await world.start()).stop(), CLEAN)
})

t.test(
  'for the delay callbacks are taken, no job is begun, and readiness is 503',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t)
    const service = await world.start({ SHUTDOWN_DELAY: '6s' })
    const [first, second, third] = [
      await awaiting(world, service, 1),
      await awaiting(world, service, 2),
      await awaiting(world, service, 3)
    ]
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    const before = await postOver(agent, first)
    t.match(before, { status: 200, connection: 'keep-alive' })
    const calls = world.khipu.calls.length

    const startedAt = performance.now()
    service.send('SIGTERM')
    await until('it stops', () => service.logs.some(({ msg }) => msg === 'service stopping'))
    t.match(await call(`${service.adminUrl}/health/ready`), {
      status: 503,
      body: { status: 'unavailable', redis: 'ready', concerns: ['the process is stopping'] }
    })
    for (const url of [service.publicUrl, service.adminUrl]) {
      t.match(await call(`${url}/health/live`), { status: 200, body: { status: 'live' } })
    }
    // Whoever keeps a connection gets its answer on it, and is told to open the next one elsewhere.
    t.match(await postOver(agent, second), { status: 200, connection: 'close' })
    const requestId = await ask(service, accountOf('1001', 9))
    await pause(1500)
    t.match(await postOver(new Agent(), third), { status: 200, connection: 'close' })
    t.match((await call(`${service.adminUrl}/health/ready`)).status, 503)
    t.match((await service.api('GET', `/v1/requests/${requestId}`)).body, { state: 'queued' })
    t.same(await service.exited(), CLEAN)
    const tookMs = performance.now() - startedAt
    t.ok(tookMs > 5900 && tookMs < 13_000, `it took ${tookMs} ms`)
    t.equal(world.khipu.calls.length, calls, 'nothing was sent')

    await world.start()
    const ids = [first, second, third].map((one) => one.requestId)
    t.equal((await resultsOf(world, ids)).size, 3, 'each of them is delivered')
  }
)

t.test(
  'a delay of nothing is none, and a worker waits for no callback',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t)
    for (const env of [{ SHUTDOWN_DELAY: '0s' }, { SHUTDOWN_DELAY: '9s', ROLE: 'worker' }]) {
      const service = await world.start(env)
      const startedAt = performance.now()
      t.same(await service.stop(), CLEAN)
      t.ok(performance.now() - startedAt < 8000, env.SHUTDOWN_DELAY)
    }
  }
)

t.test('a second SIGTERM ends the delay at once', { buffered: true }, async (t) => {
  const world = await startWorld(t)
  const service = await world.start({ SHUTDOWN_DELAY: '9s' })
  service.send('SIGTERM')
  await until('it stops', () => service.logs.some(({ msg }) => msg === 'service stopping'))
  const startedAt = performance.now()
  service.send('SIGTERM')
  t.match(await service.exited(), { code: 1 })
  t.ok(performance.now() - startedAt < 8000)
})

t.test('SIGUSR1 opens no debugger, and the process lives on', { buffered: true }, async (t) => {
  const world = await startWorld(t)
  const service = await world.start()
  service.send('SIGUSR1')
  await pause(500)
  t.match(await call(`${service.publicUrl}/health/live`), { status: 200 })
  t.same(await service.stop(), CLEAN)
  t.equal(service.stderr(), '', 'Node says nothing of a debugger')
})

interface Awaited {
  readonly requestId: string
  readonly url: string
}

/** A request that waits for its callback: Khipu sends none, the test does. */
async function awaiting(world: World, service: Service, number: number): Promise<Awaited> {
  const account = accountOf('1205', number)
  const requestId = await ask(service, account)
  const asked = await until('Khipu was asked', () =>
    world.khipu.calls.find((call) => call.account === account)
  )
  return { requestId, url: asked.callbackUrl ?? '' }
}

/** A callback over a connection of the agent. */
async function postOver(agent: Agent, { url }: Awaited) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, { method: 'POST', agent }, resolve).on('error', reject).end(bytes(ok()))
  })
  await text(response)
  return { status: response.statusCode, connection: response.headers.connection }
}
