import { readFile } from 'node:fs/promises'
import t from 'tap'
import { call } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import {
  accountOf,
  ask,
  atRest,
  inState,
  otherPorts,
  resultsOf,
  startWorld
} from '../helpers/world.ts'

const HOUR_MS = 60 * 60_000
const SAMPLE = new URL('../../schemas/examples/callback.example.json', import.meta.url)

t.test(
  'a POST that a crash cut short is not sent again, and its callback counts',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t, {
      khipu: { callbackDelayMs: HOUR_MS },
      env: { KHIPU_REQUEST_TIMEOUT: '10m', SWEEP_INTERVAL: '1s' }
    })
    const server = await world.start({ ROLE: 'server' })
    const doomed = await world.start({ ROLE: 'worker', ...(await otherPorts()) })
    const requestId = await ask(server, accountOf('1603', 1))
    const asked = await until('Khipu has taken it', () => world.khipu.calls[0])
    await doomed.kill()

    const survivor = await world.start({ ROLE: 'worker', ...(await otherPorts()) })
    t.match(await inState(server, requestId, 'awaiting-callback'), {
      reason: 'ambiguous',
      attempts: 1
    })
    await until('it has said so', () => survivor.logs.some(({ msg }) => msg === 'job taken over'))
    const body = await readFile(SAMPLE, 'utf8')
    t.equal((await call(asked.callbackUrl ?? '', { method: 'POST', body })).status, 200)
    t.match(await atRest(server, requestId), { state: 'delivered', attempts: 1 })
    t.equal((await resultsOf(world, [requestId])).size, 1)
    t.equal(world.khipu.calls.length, 1)
  }
)
