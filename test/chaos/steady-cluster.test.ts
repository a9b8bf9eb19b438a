import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { freePort } from '../../simulator/free-port.ts'
import { findRedis } from '../../simulator/find-redis.ts'
import { startServer } from '../../simulator/redis-server.ts'
import { connectWaiting } from '../../src/redis/connect.ts'
import { consume } from '../../src/queue/consume.ts'
import { settleConnect } from '../../src/redis/ioredis-workarounds.ts'
import { takeTime } from '../helpers/patience.ts'
import { addressOf } from '../helpers/redis-address.ts'
import { openLog } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

// A Cluster of one node, which calls itself down while one slot is nobody's. No key of ours is in that one.

const LAST_SLOT = 16_383

takeTime(t)

async function startCluster(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-cluster-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const [port, busPort] = [await freePort(), await freePort()]
  const binary = await findRedis()
  const bus = ['--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1']
  const args = ['--cluster-enabled', 'yes', ...bus]
  const server = await startServer({ binary, folder, port, args })
  t.teardown(() => server.end('SIGKILL'))
  const admin = new Redis(port, { replyMapping: 'legacy' })
  t.teardown(() => admin.disconnect())
  const isUp = async () => String(await admin.cluster('INFO')).includes('cluster_state:ok')
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, LAST_SLOT)
  await until('it is up', isUp)
  return {
    node: { host: '127.0.0.1', port },
    isWaitedOn: async () => String(await admin.client('LIST')).includes('cmd=bzpopmin'),
    async goDown() {
      await admin.cluster('DELSLOTS', LAST_SLOT)
      await until('it is down', async () => !(await isUp()))
    },
    async comeUp() {
      await admin.cluster('ADDSLOTS', LAST_SLOT)
      await until('it is up', isUp)
    }
  }
}

for (const [what, made, outcome] of [
  ['ours is told of it', settleConnect, 'The cluster was lost before it was ready'],
  ['ioredis alone waits for ever', (cluster: Cluster) => cluster, 'nothing']
] as const) {
  t.test(`who connects to a Cluster that is down at first: ${what}`, async (t) => {
    const { node, goDown, comeUp } = await startCluster(t)
    await goDown()
    const options = { lazyConnect: true, clusterRetryStrategy: () => 50 }
    const cluster = made(new Cluster([node], options)).duplicate()
    t.teardown(() => cluster.disconnect())
    let heard = 'nothing'
    cluster.connect().then(
      () => (heard = 'ready'),
      (error: Error) => (heard = error.message)
    )
    await once(cluster, 'reconnecting')
    const ready = once(cluster, 'ready')
    await comeUp()
    await ready
    t.equal(heard, outcome)
    t.equal(cluster.listenerCount('close'), 1, 'none but that of ioredis is left')
  })
}

t.test(
  'a worker takes jobs again after the Cluster was down for longer than it waits',
  async (t) => {
    const { node, isWaitedOn, goDown, comeUp } = await startCluster(t)
    const { log } = openLog()
    const connection = connectWaiting(
      { ...addressOf(`redis://127.0.0.1:${node.port}`), cluster: [node] },
      log
    )
    const [tag, handled] = ['{khipu:0}', new Set<string>()]
    const worker = consume(
      'send',
      async ({ requestId }) => {
        handled.add(requestId)
        return undefined
      },
      { connection, tag, concurrency: 1, handlerLimitMs: 60_000, log }
    )
    const queue = new Queue('send', { connection, prefix: tag, skipVersionCheck: true })
    t.teardown(async () => {
      // A deaf one would never have closed.
      await Promise.race([worker.close(), pause(5_000)])
      await queue.close()
      connection.disconnect()
    })
    const add = (requestId: string) => queue.add('send', { requestId, at: 0 })
    await add('before')
    await until('it has taken one', () => handled.has('before'))
    // Before that it has no wait that BullMQ could give up.
    await until('it waits for the next one', isWaitedOn)
    const { blockingConnection } = Reflect.get<object, string>(worker, 'backend') as Backend
    const reconnecting = once(await blockingConnection.client, 'reconnecting')
    await goDown()
    // BullMQ gives up its wait, and finds that the Cluster is reached and not ready.
    await reconnecting
    await comeUp()
    await add('after')
    await until('it has taken the other one', () => handled.has('after'))
    t.pass('it has')
  }
)

/** What BullMQ keeps to itself. */
interface Backend {
  readonly blockingConnection: { readonly client: Promise<Cluster> }
}
