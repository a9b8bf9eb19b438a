import t from 'tap'
import { postSample } from '../helpers/sample-callback.ts'
import { startWorker } from '../helpers/start-worker.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, inState, resultsOf, startWorld } from '../helpers/world.ts'

t.test('what the queues have lost, the ledger brings back', async (t) => {
  const world = await startWorld(t, {
    khipu: { callbackDelayMs: 20 },
    env: { CALLBACK_TIMEOUT: '4s', SWEEP_INTERVAL: '1s' }
  })
  const server = await world.start({ ROLE: 'server' })
  const before = await startWorker(world)
  const silent = await ask(server, accountOf('1206', 1))
  const answered = await ask(server, accountOf('1205', 1))
  for (const requestId of [silent, answered]) {
    await inState(server, requestId, 'awaiting-callback')
  }
  await before.stop()
  const asked = world.khipu.calls.find(({ account }) => account === accountOf('1205', 1))
  t.match(await postSample(asked?.callbackUrl), { status: 200, body: { status: 'accepted' } })
  const unsent = await ask(server, accountOf('1001', 1))

  const lost = await loseJobs()
  for (const queue of ['send', 'callback']) t.ok(lost.includes(queue), queue)

  const after = await startWorker(world)
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
