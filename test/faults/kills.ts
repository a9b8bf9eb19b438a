import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../journey/crowd.ts'
import type { Service } from '../journey/service.ts'
import { startWorld } from '../journey/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'

/** Whatever ends the processes of the service. */
export const killFaults: readonly Fault[] = [
  { name: 'SIGKILL of the service at random, under load', run: killTheService }
]

async function killTheService(run: Run): Promise<Figures> {
  const { chance, isShort } = run
  const kills = isShort ? 2 : 12
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const processes: Service[] = [await world.start()]
  const [first] = processes as [Service]
  const asking = askForAll(first)
  for (let kill = 0; kill < kills; kill++) {
    await untilSomeMore(world, chance)
    await processes.at(-1)?.kill()
    processes.push(await world.start())
  }
  const members = await asking
  await untilAllEnded(first, members)
  return count(world, first, members, { kills })
}
