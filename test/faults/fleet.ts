import type { Chance } from '../journey/chance.ts'
import type { Env, Service } from '../journey/service.ts'
import { otherPorts, type World } from '../journey/world.ts'

/** Some servers and some workers of one world. */
export interface Fleet {
  /** The server that is asked. */
  readonly first: Service
  /** Kills one of them, by chance, and starts another in its place. */
  killOne(chance: Chance): Promise<void>
}

/** Two servers and two workers; Khipu calls back at the one or the other. */
export async function startFleet(world: World): Promise<Fleet> {
  const [one, other] = [await otherPorts(), await otherPorts()]
  const places: Env[] = [
    { ROLE: 'server', ...one },
    { ROLE: 'server', ...other },
    { ROLE: 'worker', ...(await portsOf(one)) },
    { ROLE: 'worker', ...(await portsOf(other)) }
  ]
  const running = await Promise.all(places.map((place) => world.start(place)))
  const [first] = running
  if (first === undefined) throw new Error('nothing runs')
  return {
    first,
    async killOne(chance) {
      const index = chance.between(0, places.length - 1)
      await running[index]?.kill()
      running[index] = await world.start(places[index])
    }
  }
}

/** The ports of a worker whose requests are called back at a server. */
async function portsOf(server: Env): Promise<Env> {
  return { ...(await otherPorts()), PUBLIC_URL: `http://127.0.0.1:${server['PUBLIC_PORT']}` }
}
