import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../journey/crowd.ts'
import { grantedCommands } from '../journey/redis-rights.ts'
import { startWorld } from '../journey/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { startFleet } from './fleet.ts'
import { startCluster } from './machines.ts'

/** Several processes of the service, and a Redis of several machines. */
export const clusterFaults: readonly Fault[] = [
  { name: 'SIGKILL of two servers and two workers at random, under load', run: killTheFleet },
  { name: 'Redis Cluster: one request after the other', run: useCluster },
  {
    name: 'Redis Cluster: SIGKILL of a master, its replica takes over, under load',
    isLong: true,
    run: killMaster
  }
]

async function killTheFleet(run: Run): Promise<Figures> {
  const { chance, isShort } = run
  const kills = isShort ? 2 : 12
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

/** The README's rights on a Cluster. */
function rights(): string[] {
  const more = ['+cluster|slots', '+cluster|info', '+readonly', '+readwrite']
  return ['~{khipu:*', '~{khipu}:khipu-results:*', ...grantedCommands(), ...more]
}

async function startOnCluster(run: Run) {
  const machines = await startCluster(run, rights())
  const world = await startWorld(run, {
    ...FAST,
    machines,
    env: { ...FAST.env, PARTITIONS: '6' }
  })
  return { machines, world, fleet: await startFleet(world) }
}

async function useCluster(run: Run): Promise<Figures> {
  const { world, fleet } = await startOnCluster(run)
  const members = await askForAll(fleet.first)
  await untilAllEnded(fleet.first, members)
  return count(world, fleet.first, members, { kills: 0 })
}

async function killMaster(run: Run): Promise<Figures> {
  const { machines, world, fleet } = await startOnCluster(run)
  const asking = askForAll(fleet.first)
  await untilSomeMore(world, run.chance)
  const master = machines.masters[run.chance.between(0, machines.masters.length - 1)]
  await master?.server.end('SIGKILL')
  const members = await asking
  await untilAllEnded(fleet.first, members)
  return count(world, fleet.first, members, { kills: 1 })
}
