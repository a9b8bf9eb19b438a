import t from 'tap'
import type { OperationBody, OperationView } from '../../src/schemas/generated.ts'
import type { Service } from '../helpers/service-process.ts'
import { takeTime } from '../helpers/patience.ts'
import { startWorker } from '../helpers/start-worker.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, resultsOf, startWorld } from '../helpers/world.ts'

takeTime(t)

// A worker is killed while three operations are in three states. Another one carries all of them on.

const EACH = 12
const BANKS = { canary: 'bci.cl', running: 'santander.cl', stopping: 'itau.cl' } as const

async function begin(server: Service, bank: string, how: Partial<OperationBody>): Promise<string> {
  const filter = { state: ['parked'], bank: [bank] }
  const body = { action: 'release', filter, expected: EACH, ...how }
  const { body: begun } = await server.api<OperationView>('POST', '/v1/operations', body)
  return begun.operation
}

async function look(server: Service, id: string): Promise<OperationView> {
  return (await server.api<OperationView>('GET', `/v1/operations/${id}`)).body
}

t.test(
  'what a killed worker had in hand is carried on, and nothing is sent twice',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t, {
      khipu: { callbackDelayMs: 1_000 },
      env: { SWEEP_INTERVAL: '1s' }
    })
    const server = await world.start({ ROLE: 'server' })
    const doomed = await startWorker(world)
    const asked = Object.values(BANKS).map((bank, at) =>
      Array.from({ length: EACH }, (_, number) => {
        const service = `cl/banking/personal/${bank}/transactions`
        return ask(server, accountOf('1106', 100 * at + number), { service })
      })
    )
    const [ofCanary = [], ofRunning = [], ofStopping = []] = await Promise.all(
      asked.map((ids) => Promise.all(ids))
    )
    const ids = [...ofCanary, ...ofRunning, ...ofStopping]
    await Promise.all(ids.map((id) => atRest(server, id, 1)))

    const canary = await begin(server, BANKS.canary, { canary: 'bank' })
    const running = await begin(server, BANKS.running, { canary: 'none', pace: 1 })
    const stopping = await begin(server, BANKS.stopping, { canary: 'none', pace: 1 })
    await until('each is under way', async () => {
      const [one, two, three] = await Promise.all(
        [canary, running, stopping].map((id) => look(server, id))
      )
      return one?.state === 'canary' && one.done === 1 && two?.done !== 0 && three?.done !== 0
        ? true
        : null
    })
    await doomed.kill()
    await server.api('POST', `/v1/operations/${stopping}/stop`)
    t.match(await look(server, canary), { state: 'canary', done: 1 })
    t.match(await look(server, running), { state: 'running' })
    t.match(await look(server, stopping), { state: 'stopping' })

    await startWorker(world)
    const whenEnded = async () => {
      const views = await Promise.all([canary, running, stopping].map((id) => look(server, id)))
      return views.every(({ endedAt }) => endedAt !== null) ? views : null
    }
    // The lease of the dead expires after 30 s.
    const ended = await until('all have ended', whenEnded, 60_000)
    t.match(ended, [
      { state: 'done', done: EACH },
      { state: 'done', done: EACH },
      { state: 'stopped' }
    ])
    const released = [...ofCanary, ...ofRunning]
    for (const id of released)
      t.match(await atRest(server, id), { state: 'delivered', attempts: 2 })
    const stopped = ended[2]?.done ?? EACH
    t.ok(stopped > 0 && stopped < EACH, `${stopped} were released before the stop`)
    const rest = await Promise.all(ofStopping.map((id) => atRest(server, id, 1)))
    t.equal(rest.filter(({ state }) => state === 'parked').length, EACH - stopped)
    const others = rest
      .filter(({ state }) => state === 'delivered')
      .map(({ requestId }) => requestId)
    const delivered = [...released, ...others]
    t.equal((await resultsOf(world, delivered)).size, delivered.length)
    t.equal(world.khipu.calls.length, 3 * EACH + delivered.length, 'each was sent once more')
  }
)
