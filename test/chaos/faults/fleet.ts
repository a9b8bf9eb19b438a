import type { Chance } from '../../helpers/chance.ts'
import { askForAll, type Member, untilSomeMore } from '../../helpers/crowd.ts'
import { call, type Env, type Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { otherPorts, type Scope, type World } from '../../helpers/world.ts'
import type { Run } from './fault.ts'

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

/** The same, or in the short form one process alone, asked for a crowd and in the middle of its work. */
export async function startAsking(
  { chance, isShort }: Run,
  world: World
): Promise<{ readonly first: Service; readonly asking: Promise<readonly Member[]> }> {
  const first = isShort ? await world.start() : (await startFleet(world)).first
  const asking = askForAll(first, isShort ? 1 : undefined)
  if (isShort) await until('a callback has come', () => world.khipu.callbacks.length > 0)
  else await untilSomeMore(world, chance)
  return { first, asking }
}

/** The ports of a worker whose requests are called back at a server. */
async function portsOf(server: Env): Promise<Env> {
  return { ...(await otherPorts()), PUBLIC_URL: `http://127.0.0.1:${server['PUBLIC_PORT']}` }
}

const LOOK_EVERY_MS = 50

/** Looks from now on whether a server is ready; tells for how many seconds, at the longest, it was not. */
export function watchReady(scope: Scope, { adminUrl }: Service): { longestGap(): number } {
  let readyAt = performance.now()
  let longestMs = 0
  const timer = setInterval(() => {
    const since = readyAt
    void call(`${adminUrl}/health/ready`).then(
      ({ status }) => {
        if (status !== 200) return
        longestMs = Math.max(longestMs, performance.now() - since)
        readyAt = performance.now()
      },
      () => {}
    )
  }, LOOK_EVERY_MS)
  scope.teardown(() => clearInterval(timer))
  return { longestGap: () => Math.round(longestMs / 100) / 10 }
}
