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

const SAMPLE = new URL('../../schemas/examples/callback.example.json', import.meta.url)

t.test('what the queues have lost, the ledger brings back', async (t) => {
  const world = await startWorld(t, {
    khipu: { callbackDelayMs: 20 },
    env: { CALLBACK_TIMEOUT: '4s', SWEEP_INTERVAL: '1s' }
  })
  const server = await world.start({ ROLE: 'server' })
  const before = await world.start({ ROLE: 'worker', ...(await otherPorts()) })
  const silent = await ask(server, accountOf('1206', 1))
  const answered = await ask(server, accountOf('1205', 1))
  for (const requestId of [silent, answered]) {
    await inState(server, requestId, 'awaiting-callback')
  }
  await before.stop()
  const body = await readFile(SAMPLE, 'utf8')
  const url = world.khipu.calls.find(({ account }) => account === accountOf('1205', 1))?.callbackUrl
  t.match(await call(url ?? '', { method: 'POST', body }), {
    status: 200,
    body: { status: 'accepted' }
  })
  const unsent = await ask(server, accountOf('1001', 1))

  const lost = await loseJobs()
  for (const queue of ['send', 'callback']) t.ok(lost.includes(queue), queue)

  const after = await world.start({ ROLE: 'worker', ...(await otherPorts()) })
  const rows = [
    ['a sending that was lost', unsent, 1],
    ['a callback that was lost', answered, 1],
    ['a deadline, which has no job yet,', silent, 2]
  ] as const
  for (const [what, requestId, attempts] of rows) {
    await t.test(`${what} is made up for`, async (t) => {
      t.match(await atRest(server, requestId), { state: 'delivered', attempts })
      t.ok((await resultsOf(world, [requestId])).has(requestId))
    })
  }
  await until('the sweep has said so', () =>
    after.logs.some(({ msg, requestId }) => msg === 'overdue request swept' && requestId === unsent)
  )

  /** Drops every key of the service's own queues; says in which of them there was a job. */
  async function loseJobs(): Promise<string[]> {
    const tag = `{${world.env['QUEUE_PREFIX']}:0}`
    const queues = ['send', 'paced', 'callback', 'deadline']
    const found: string[] = []
    for (const queue of queues) {
      const keys = await world.client.keys(`${tag}:${queue}:*`)
      if (keys.some((key) => key.startsWith(`${tag}:${queue}:${queue}-`))) found.push(queue)
      if (keys.length > 0) await world.client.del(keys)
    }
    return found
  }
})
