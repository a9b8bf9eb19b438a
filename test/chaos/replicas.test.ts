import t from 'tap'
import { hashTag } from '../../src/ledger/keys.ts'
import { call } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, inState, resultJobs, startWorld } from '../helpers/world.ts'
import { startReplica } from '../helpers/replica.ts'
import { startHere } from '../helpers/started.ts'

const body = JSON.stringify({ OperationId: 'x', Status: 'OK', Data: { Transaction: [] } })

// A new master could have the mark, and no result: nobody would publish it again.
t.test('a result counts as published once the replicas have it', async (t) => {
  const world = await startWorld(t, { ownRedis: true })
  const replica = await startReplica(t, world.redis.url)
  const service = await startHere(t, world, { ACK_REPLICAS: '1' })
  const requestId = await ask(service, accountOf('1205', 1))
  await inState(service, requestId, 'awaiting-callback')
  const key = `${hashTag(world.env['QUEUE_PREFIX'] ?? '', 0)}:request:${requestId}`
  const publishedAt = async () => {
    const record = JSON.parse((await world.client.hget(key, 'record')) ?? '{}')
    return (record as { publishedAt?: number | null }).publishedAt
  }

  replica.stop()
  t.teardown(() => replica.goOn())
  const { callbackUrl } = world.khipu.calls[0] ?? {}
  t.equal((await call(callbackUrl ?? '', { method: 'POST', body })).status, 503)
  const isHeld = ({ msg, error }: { msg: string; error?: unknown }) =>
    msg === 'handler failed' && error === 'NotReplicated'
  await until('it is published, or waits for a replica', async () => {
    return typeof (await publishedAt()) === 'number' || service.logs.some(isHeld)
  })
  t.equal((await resultJobs(world)).length, 1)
  t.equal(await publishedAt(), null)

  replica.goOn()
  await until('it is marked', async () => typeof (await publishedAt()) === 'number')
  t.equal((await resultJobs(world)).length, 1)
})
