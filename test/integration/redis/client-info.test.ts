import { once } from 'node:events'
import { Queue, Worker } from 'bullmq'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { freePort } from '../../../simulator/free-port.ts'
import { startRedis, type PrivateRedis } from '../../../simulator/private-redis.ts'
import { connectFailingFast, connectWaiting } from '../../../src/redis/connect.ts'
import { addressOf } from '../../helpers/redis-address.ts'
import { openLog } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

/** Everything that clients send to it from now on, in lower case. */
async function listenTo(t: Test, { url }: PrivateRedis) {
  const client = new Redis(url, { disableClientInfo: true })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  await once(client, 'ready')
  const heard: string[] = []
  const monitor = await client.monitor()
  t.teardown(() => monitor.disconnect())
  monitor.on('monitor', (_time: string, args: string[]) => heard.push(args.join(' ').toLowerCase()))
  return heard
}

async function start(t: Test, args: readonly string[] = []) {
  const server = await startRedis({ url: null, args })
  t.teardown(() => server.stop())
  return server
}

const said = (heard: readonly string[]) => heard.filter((line) => line.startsWith('client setinfo'))

t.test('no connection tells Redis of its library, nor one that BullMQ makes of it', async (t) => {
  const server = await start(t)
  const heard = await listenTo(t, server)
  const fast = connectFailingFast(addressOf(server.url), openLog().log)
  const waiting = connectWaiting(addressOf(server.url), openLog().log)
  const queue = new Queue('quiet', { connection: waiting })
  const worker = new Worker('quiet', async () => {}, { connection: waiting })
  queue.on('error', () => {})
  worker.on('error', () => {})
  await worker.waitUntilReady()
  await until('the listeners are there', () => fast.status === 'ready')
  await until('the worker waits for a job', () => heard.some((line) => line.includes('bzpopmin')))
  t.ok(heard.some((line) => line.startsWith('client setname')))
  t.same(said(heard), [])
  await worker.close()
  await queue.close()
  fast.disconnect()
  waiting.disconnect()
})

t.test('no node of a Cluster is told', async (t) => {
  const bus = ['--cluster-port', String(await freePort()), '--cluster-announce-ip', '127.0.0.1']
  const server = await start(t, ['--cluster-enabled', 'yes', ...bus])
  const heard = await listenTo(t, server)
  const admin = new Redis(server.url, { disableClientInfo: true })
  t.teardown(() => admin.disconnect())
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383)
  await until('it is up', async () =>
    String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok')
  )
  const address = addressOf(server.url)
  const nodes = [{ host: address.host, port: address.port }]
  const cluster = connectWaiting({ ...address, cluster: nodes }, openLog().log)
  t.teardown(() => cluster.disconnect())
  if (!(cluster instanceof Cluster)) throw new Error('no Cluster')
  await cluster.set('a', '1')
  const duplicate = cluster.duplicate()
  t.teardown(() => duplicate.disconnect())
  await duplicate.set('a', '2')
  await until(
    'both are heard of',
    () => heard.filter((line) => line.startsWith('set a')).length === 2
  )
  t.same(said(heard), [])
})
