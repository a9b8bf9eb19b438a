import t from 'tap'
import { postSample } from '../helpers/sample-callback.ts'
import { startWorker } from '../helpers/start-worker.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, inState, resultsOf, startWorld } from '../helpers/world.ts'

const HOUR_MS = 60 * 60_000

t.test(
  'a POST that a crash cut short is not sent again, and its callback counts',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t, {
      khipu: { callbackDelayMs: HOUR_MS },
      env: { KHIPU_REQUEST_TIMEOUT: '10m', SWEEP_INTERVAL: '1s' }
    })
    const server = await world.start({ ROLE: 'server' })
    const doomed = await startWorker(world)
    const requestId = await ask(server, accountOf('1603', 1))
    const asked = await until('Khipu has taken it', () => world.khipu.calls[0])
    await doomed.kill()

    const survivor = await startWorker(world)
    t.match(await inState(server, requestId, 'awaiting-callback'), {
      reason: 'ambiguous',
      attempts: 1
    })
    await until('it has said so', () => survivor.logs.some(({ msg }) => msg === 'job taken over'))
    t.equal((await postSample(asked.callbackUrl)).status, 200)
    t.match(await atRest(server, requestId), { state: 'delivered', attempts: 1 })
    t.equal((await resultsOf(world, [requestId])).size, 1)
    t.equal(world.khipu.calls.length, 1)
  }
)
