import { setTimeout as pause } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startRedis } from '../../../simulator/private-redis.ts'
import { connectFailingFast, connectWaiting } from '../../../src/redis/connect.ts'
import { addressOf } from '../../helpers/redis-address.ts'
import { openLog } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

const server = await startRedis({ url: null, args: ['--databases', '4'] })
t.teardown(() => server.stop())
const admin = new Redis(server.url, { replyMapping: 'legacy' })
t.teardown(() => admin.disconnect())
const may = ['on', '>secret', '~*', '+@all']
await admin.call('ACL', 'SETUSER', 'confined', ...may, '-select')
const as = (user: string, database: number) =>
  `${server.url.replace('://', `://${user}:secret@`)}/${database}`

const unfit: [what: string, url: string, code: string][] = [
  ['is out of range', `${server.url}/4`, 'ERR'],
  ['its user may not select', as('confined', 1), 'NOPERM']
]
for (const [what, url, code] of unfit) {
  for (const connect of [connectFailingFast, connectWaiting]) {
    t.test(`a database that ${what}: ${connect.name} is never ready, and says why`, async (t) => {
      const { log, lines } = openLog()
      const redis = connect(addressOf(url), log)
      if (!(redis instanceof Redis)) throw new Error('a Cluster')
      t.teardown(() => redis.disconnect())
      let wasReady = false
      let losses = 0
      redis.on('ready', () => (wasReady = true))
      redis.on('close', () => (losses += 1))
      redis.set('stray', '1').catch(() => {})
      const duplicate = redis.duplicate()
      duplicate.on('error', () => {})
      t.teardown(() => duplicate.disconnect())
      duplicate.set('stray', '2').catch(() => {})
      duplicate.on('ready', () => (wasReady = true))
      await until('it has tried again and again', () => losses > 3)
      t.equal(wasReady, false)
      await nothingWritten(t)
      const lost = lines.map((line) => JSON.parse(line) as object)
      t.match(lost, [{ msg: 'redis lost', code, refused: 'the database of REDIS_URL' }])
      t.equal(lost.length, 1)
    })
  }
}

t.test('BullMQ writes nowhere either, whatever it makes of the connection', async (t) => {
  const connection = connectWaiting(addressOf(`${server.url}/9`), openLog().log)
  const queue = new Queue('stray', { connection, skipVersionCheck: true })
  const worker = new Worker('stray', async () => {}, { connection })
  queue.on('error', () => {})
  worker.on('error', () => {})
  queue.add('stray', {}).catch(() => {})
  let losses = 0
  connection.on('close', () => (losses += 1))
  await until('it has tried again and again', () => losses > 3)
  await nothingWritten(t)
  await Promise.race([Promise.all([queue.close(), worker.close(true)]), pause(2_000)])
  connection.disconnect()
})

t.test('a connection that loses its right to a database stays away until it is back', async (t) => {
  await admin.call('ACL', 'SETUSER', 'allowed', ...may)
  const redis = connectWaiting(addressOf(as('allowed', 3)), openLog().log)
  t.teardown(() => redis.disconnect())
  await redis.set('mine', '1')
  await admin.call('ACL', 'SETUSER', 'allowed', '-select')
  await admin.call('CLIENT', 'KILL', 'USER', 'allowed')
  let losses = 0
  redis.on('close', () => (losses += 1))
  const written = redis.set('mine', '2')
  await until('it has tried again', () => losses > 2)
  await nothingWritten(t)
  await admin.call('ACL', 'SETUSER', 'allowed', '+select')
  t.equal(await written, 'OK', 'what waited is written')
  t.match(await admin.info('keyspace'), /^db3:keys=1,/m)
  await nothingWritten(t)
})

/** No key in the database that ioredis would have gone on in. */
async function nothingWritten(t: Test): Promise<void> {
  t.equal(await admin.dbsize(), 0)
}
