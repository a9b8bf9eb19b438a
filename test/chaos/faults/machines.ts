import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { freePort } from '../../../simulator/free-port.ts'
import { killWithParent } from '../../../simulator/child-process.ts'
import { findRedis } from '../../../simulator/find-redis.ts'
import { untilItAnswers } from '../../../simulator/redis-ping.ts'
import { type RedisServer, startServer } from '../../../simulator/redis-server.ts'
import { WorkingSentinelConnector } from '../../../src/redis/ioredis-workarounds.ts'
import { until } from '../../helpers/until.ts'
import type { Machines, Scope } from '../../helpers/world.ts'

/** One process of Redis, and a connection to it for who looks after it. */
export interface Node {
  readonly port: number
  readonly server: RedisServer
  readonly admin: Redis
}

/** The user of the service, with the rights of `docs/deploy/redis.md` only; the tests look on as the default one. */
export const USER = 'khipu-service'
const PASSWORD = 'password-of-the-service'
const url = `redis://${USER}:${PASSWORD}@127.0.0.1:1`

/** Starts Redis nodes in a folder of their own; all is gone when the run is over. */
async function openRack(scope: Scope, rights: readonly string[]) {
  // Each of them is guarded until this process ends.
  process.setMaxListeners(100)
  const binary = await findRedis()
  const folder = await mkdtemp(join(tmpdir(), 'khipu-machines-'))
  scope.teardown(() => rm(folder, { recursive: true, force: true }))
  const acl = ['--user', USER, 'on', `>${PASSWORD}`, ...rights]
  return {
    binary,
    folder,
    /** A node on a free port; `more` gets its port. */
    async start(more: (port: number) => readonly string[] | Promise<readonly string[]> = () => []) {
      const port = await freePort()
      const own = join(folder, String(port))
      await mkdir(own)
      const settings = { binary, folder: own, port, args: [...(await more(port)), ...acl] }
      const server = await startServer(settings)
      const admin = new Redis(port, { replyMapping: 'legacy', maxRetriesPerRequest: 1 })
      admin.on('error', () => {})
      scope.teardown(async () => {
        admin.disconnect()
        // One that was stopped hears no other signal.
        await server.end('SIGKILL')
      })
      return { port, server, admin } satisfies Node
    }
  }
}

/** Throws where Redis has denied the service anything: the rights of the document are enough, also in a failover. */
export async function checkRights(nodes: readonly Node[]): Promise<void> {
  // A node that was killed tells nothing.
  const logs = await Promise.all(
    nodes.map(({ admin }) => admin.call('ACL', 'LOG').catch((): unknown[] => []))
  )
  const denied = logs.flat(1)
  if (denied.length > 0) throw new Error(`denied: ${JSON.stringify(denied)}`)
}

type Rack = Awaited<ReturnType<typeof openRack>>

/** Within this a master that says nothing counts as gone. */
const NODE_TIMEOUT_MS = 2_000

/** A Redis Cluster: three masters, with a replica each. */
export async function startCluster(
  scope: Scope,
  rights: readonly string[]
): Promise<Machines & { readonly nodes: readonly Node[]; readonly masters: readonly Node[] }> {
  const rack = await openRack(scope, rights)
  const nodes = await Promise.all(Array.from({ length: 6 }, () => startClusterNode(rack)))
  const [first] = nodes
  if (first === undefined) throw new Error('no node')
  for (const { port, busPort } of nodes) {
    await first.node.admin.cluster('MEET', '127.0.0.1', port, busPort)
  }
  const masters = nodes.slice(0, 3)
  for (const [index, { node }] of masters.entries()) {
    const [from, to] = [Math.ceil((index * 16384) / 3), Math.ceil(((index + 1) * 16384) / 3) - 1]
    await node.admin.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
  }
  await until('all nodes know each other', () => everyone(nodes, /^cluster_known_nodes:6\r$/m))
  for (const [index, { node }] of nodes.slice(3).entries()) {
    const id = String(await masters[index]?.node.admin.cluster('MYID'))
    await until('it is a replica', async () =>
      node.admin.cluster('REPLICATE', id).then(
        () => true,
        () => false
      )
    )
  }
  await until('the cluster is up', () => everyone(nodes, /^cluster_state:ok\r$/m))
  await untilReplicated(masters.map(({ node }) => node))
  const endpoints = nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  return {
    env: {
      REDIS_URL: url,
      REDIS_CLUSTER: endpoints.map(({ host, port }) => `${host}:${port}`).join(),
      QUEUE_PREFIX: '{khipu}'
    },
    nodes: nodes.map(({ node }) => node),
    masters: masters.map(({ node }) => node),
    connect() {
      const redisOptions = { maxRetriesPerRequest: null, replyMapping: 'legacy' } as const
      const cluster = new Cluster(endpoints, {
        redisOptions,
        maxRedirections: Infinity,
        slotsRefreshInterval: 500
      })
      cluster.on('error', () => {})
      return cluster
    }
  }
}

async function startClusterNode(rack: Rack) {
  const busPort = await freePort()
  const node = await rack.start((port) => [
    ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
    ...['--cluster-config-file', `nodes-${port}.conf`, '--cluster-require-full-coverage', 'no'],
    ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0']
  ])
  return { node, port: node.port, busPort }
}

async function everyone(nodes: readonly { readonly node: Node }[], says: RegExp) {
  const all = await Promise.all(nodes.map(({ node }) => node.admin.cluster('INFO')))
  return all.every((info) => says.test(String(info)))
}

/** Resolves once each of them has a replica, or so many, that has all it has. */
async function untilReplicated(masters: readonly Node[], replicas = 1): Promise<void> {
  await until('the replicas are there', async () => {
    const infos = await Promise.all(masters.map(({ admin }) => admin.info('replication')))
    return infos.every(
      (info) => (info.match(/^slave\d+:.*state=online/gm) ?? []).length >= replicas
    )
  })
}

/** Whatever a replica is told of its master: a proxy may stand between. */
export interface SentinelSettings {
  /** Where the replicas and the Sentinels find the master; by default itself. */
  readonly before?: (master: Node) => number
}

const SENTINEL_PASSWORD = 'password-of-the-sentinels'
const MASTER_NAME = 'khipu-master'

/** A master with two replicas, and three Sentinels that watch them. */
export async function startSentinels(
  scope: Scope,
  rights: readonly string[],
  { before = ({ port }) => port }: SentinelSettings = {}
): Promise<Machines & { readonly master: Node; readonly replicas: readonly Node[] }> {
  const rack = await openRack(scope, rights)
  const master = await rack.start()
  const masterPort = before(master)
  const replica = () =>
    rack.start(() => [
      ...['--replicaof', `127.0.0.1 ${masterPort}`, '--repl-diskless-sync-delay', '0'],
      ...['--repl-timeout', '5']
    ])
  const replicas = [await replica(), await replica()]
  await untilReplicated([master], 2)
  const ports: number[] = []
  for (let index = 0; index < 3; index += 1) {
    ports.push(await startSentinel(scope, rack, masterPort))
  }
  await until('the Sentinels know each other and the replicas', async () => {
    const known = await Promise.all(ports.map(knownTo))
    return known.every(({ sentinels, slaves }) => sentinels === 2 && slaves === 2)
  })
  const sentinels = ports.map((port) => ({ host: '127.0.0.1', port }))
  return {
    master,
    replicas,
    env: {
      REDIS_URL: url,
      REDIS_SENTINELS: ports.map((port) => `127.0.0.1:${port}`).join(),
      REDIS_SENTINEL_NAME: MASTER_NAME,
      REDIS_SENTINEL_PASSWORD: SENTINEL_PASSWORD
    },
    connect() {
      const redis = new Redis({
        sentinels,
        name: MASTER_NAME,
        sentinelPassword: SENTINEL_PASSWORD,
        failoverDetector: true,
        Connector: WorkingSentinelConnector,
        maxRetriesPerRequest: null,
        replyMapping: 'legacy'
      })
      redis.on('error', () => {})
      return redis
    }
  }
}

async function startSentinel(scope: Scope, rack: Rack, masterPort: number): Promise<number> {
  const port = await freePort()
  const folder = join(rack.folder, `sentinel-${port}`)
  await mkdir(folder)
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `requirepass ${SENTINEL_PASSWORD}`,
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
      `sentinel failover-timeout ${MASTER_NAME} 3000`,
      ''
    ].join('\n')
  )
  const child: ChildProcess = spawn(rack.binary, [file, '--sentinel'], { stdio: 'ignore' })
  killWithParent(child, folder)
  scope.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  await untilItAnswers(`redis://:${SENTINEL_PASSWORD}@127.0.0.1:${port}`)
  return port
}

/** How many other Sentinels, and how many replicas, one of them knows of. */
async function knownTo(port: number): Promise<{ sentinels: number; slaves: number }> {
  const sentinel = new Redis(port, { password: SENTINEL_PASSWORD, replyMapping: 'legacy' })
  sentinel.on('error', () => {})
  const [of] = (await sentinel.call('SENTINEL', 'MASTERS')) as string[][]
  sentinel.disconnect()
  const read = (name: string) => Number(of?.[of.indexOf(name) + 1] ?? 0)
  return { sentinels: read('num-other-sentinels'), slaves: read('num-slaves') }
}
