import t, { type Test } from 'tap'
import { takeTime } from '../helpers/patience.ts'
import { call, type Service } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, otherPorts, startWorld, type World } from '../helpers/world.ts'

const LOADING = { status: 'unavailable', redis: 'loading', concerns: [] }
const KEYS = 6_000
/** So many microseconds for each key, and a look at its clients after each kilobyte. */
const SLOWLY = ['--key-load-delay', '700', '--loading-process-events-interval-bytes', '1024']

takeTime(t)

const sample = JSON.stringify({
  OperationId: '6baf6c19-e485-463b-ae24-a821b025c8a4',
  Status: 'OK',
  Data: { Transaction: [] }
})

t.test('of a Redis that still loads readiness tells that, and no more', async (t) => {
  const world = await startWorld(t, { ownRedis: true, redis: { args: SLOWLY } })
  const service = await world.start()
  await ask(service, accountOf('1205', 1))
  const asked = await until('Khipu was asked', () => world.khipu.calls[0])
  const post = () => call(asked.callbackUrl ?? '', { method: 'POST', body: sample })
  const requestId = (await service.api<Listed>('GET', '/v1/requests')).body.items[0].requestId
  await fill(world)

  await world.redis.kill()
  // One that has never seen it otherwise.
  const other = world.spawn({ ...(await otherPorts()), ROLE: 'server' })
  await until('it is up', () => call(`${other.adminUrl}/health/ready`).catch(() => null))
  const restarting = world.redis.restart()
  await Promise.all([seenLoading(t, service), seenLoading(t, other)])
  const refused = await post()
  t.match(refused, { status: 503, body: { status: 'unavailable' } })
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  await restarting
  await Promise.all([service.ready(), other.ready()])
  t.match((await post()).status, 200)
  t.match(await atRest(service, requestId), { state: 'delivered', attempts: 1 })
  const said = [...service.logs, ...other.logs].filter(({ msg }) => msg.includes('not set up'))
  t.same(said, [], 'nor does the log')
})

interface Listed {
  readonly items: readonly [{ readonly requestId: string }]
}

async function fill({ client }: World): Promise<void> {
  const pipeline = client.pipeline()
  for (let n = 0; n < KEYS; n += 1) pipeline.set(`filler:${n}`, 'x')
  await pipeline.exec()
  // The file of commands is read with longer pauses.
  await client.call('BGREWRITEAOF')
  await until('it is rewritten', async () => {
    const info = await client.info('persistence')
    return info.includes('aof_rewrite_in_progress:0') && info.includes('aof_rewrite_scheduled:0')
  })
}

/** Before it is known to load it is away: nothing else is told of it either. */
async function seenLoading(t: Test, { adminUrl }: Service): Promise<void> {
  const { body } = await until('it is seen to load', async () => {
    const answer = await call<typeof LOADING>(`${adminUrl}/health/ready`).catch(() => null)
    if (answer === null) return null
    t.equal(answer.status, 503)
    t.same(answer.body.concerns, [])
    return answer.body.redis === 'loading' && answer
  })
  t.strictSame(body, LOADING)
}
