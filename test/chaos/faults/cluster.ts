import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../../helpers/crowd.ts'
import { grantedCommands } from '../../helpers/redis-rights.ts'
import { startWorld } from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { startAsking, startFleet, watchReady } from './fleet.ts'
import { checkRights, startCluster } from './machines.ts'

/** Several processes of the service, and a Redis of several machines. */
export const clusterFaults: readonly Fault[] = [
  {
    name: 'SIGKILL of two servers and two workers at random, under load',
    isLong: true,
    run: killTheFleet
  },
  {
    name: 'Redis Cluster: SIGKILL of a master, its replica takes over, under load',
    run: killMaster
  }
]

async function killTheFleet(run: Run): Promise<Figures> {
  const { chance } = run
  const kills = 12
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const fleet = await startFleet(world)
  const asking = askForAll(fleet.first)
  for (let kill = 0; kill < kills; kill += 1) {
    await untilSomeMore(world, chance)
    await fleet.killOne(chance)
  }
  const members = await asking
  await untilAllEnded(fleet.first, members)
  return count(world, fleet.first, members, { kills })
}

/** The documented rights on a Cluster. */
function rights(): string[] {
  const more = ['+cluster|slots', '+cluster|info', '+readonly', '+readwrite']
  return ['~{khipu:*', '~{khipu}:khipu-results:*', ...grantedCommands(), ...more]
}

async function killMaster(run: Run): Promise<Figures> {
  const { nodes, masters, ...machines } = await startCluster(run, rights())
  const env = { ...FAST.env, PARTITIONS: '6' }
  const world = await startWorld(run, { ...FAST, machines, env })
  const { first, asking } = await startAsking(run, world)
  const ready = watchReady(run, first)
  await masters[run.chance.between(0, masters.length - 1)]?.server.end('SIGKILL')
  const members = await asking
  await untilAllEnded(first, members)
  await checkRights(nodes)
  const figures = await count(world, first, members, { kills: 1 })
  return { ...figures, remark: `not ready for ${ready.longestGap()} s` }
}
