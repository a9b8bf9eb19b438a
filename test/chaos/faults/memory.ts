import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../../helpers/crowd.ts'
import { call, type Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { startWorld, type World } from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { startProbe } from './probe.ts'
import { countWithheld } from './withheld-count.ts'
import {
  askWithheld,
  openPosting,
  type Post,
  postUntilTaken,
  undelivered,
  type Withheld
} from './withheld.ts'

/** Redis has no room. */
export const memoryFaults: readonly Fault[] = [
  { name: 'callbacks flood Redis until it is nearly full', run: flood },
  { name: 'maxmemory below the used memory, under load', run: wedge }
]

const PADDING_BYTES = 40_000

async function flood(run: Run): Promise<Figures> {
  const world = await startWorld(run, { ownRedis: true, env: { SWEEP_INTERVAL: '2s' } })
  const service = await world.start()
  const members = await askWithheld(world, service, run.isShort ? 80 : 400)
  const post = openPosting(run)
  // Half of the callbacks fit below the 75 %: a body is kept in the ledger and, ended, on the result queue.
  const room = (members.length / 2) * PADDING_BYTES
  const used = await memoryOf(world, 'used_memory')
  await world.client.config('SET', 'maxmemory', Math.floor((used + room) / 0.75))

  const taken = await floodUntilRefused(post, members)
  const undrained = await undelivered(service, taken)
  const filled = (await memoryOf(world, 'used_memory')) / (await memoryOf(world, 'maxmemory'))
  if (taken.length === members.length) throw new Error('the flood was never refused')
  if ((await readiness(service)) !== 503) throw new Error('it says that it has room')

  await world.client.config('SET', 'maxmemory', 0)
  await service.ready()
  await postUntilTaken(post, members)
  const figures = await countWithheld(world, service, members)
  return {
    ...figures,
    kills: 1,
    lost: figures.lost + undrained.length,
    remark:
      `${taken.length} callbacks were taken until 503, ${undrained.length} of them not drained; ` +
      `full to ${Math.round(filled * 100)} %`
  }
}

/** Posts a large callback of each, until some are refused; those that were taken. */
async function floodUntilRefused(
  post: Post,
  members: readonly Withheld[]
): Promise<readonly Withheld[]> {
  const limit = pLimit(10)
  const taken: Withheld[] = []
  let refusals = 0
  await Promise.all(
    members.map((member) =>
      limit(async () => {
        if (refusals >= 20) return
        const { status } = await post(member.callbackUrl, PADDING_BYTES)
        if (status === 200) taken.push(member)
        else refusals += 1
        // Redis is asked once a second how full it is: not all may have been posted by then.
        await pause(300)
      })
    )
  )
  return taken
}

const WEDGED_MS = 4000
/** A worker that asks again at once makes ten times as many; one that rests, a tenth. */
const MOST_COMMANDS_PER_SECOND = 4000

async function wedge(run: Run): Promise<Figures> {
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const service = await world.start()
  const probe = await startProbe(run, world, service)
  const asking = askForAll(service)
  const rounds = run.isShort ? 1 : 2
  let most = 0
  for (let round = 0; round < rounds; round++) {
    await untilSomeMore(world, run.chance)
    const refusals = probe.refusals()
    await world.client.config('SET', 'maxmemory', 1_000_000)
    const before = await commandsOf(world)
    await until('a callback is refused', () => probe.refusals() > refusals)
    await until('readiness says 503', async () => (await readiness(service)) === 503)
    await pause(WEDGED_MS)
    most = Math.max(most, ((await commandsOf(world)) - before) / (WEDGED_MS / 1000))
    await world.client.config('SET', 'maxmemory', 0)
    await service.ready()
  }
  if (most > MOST_COMMANDS_PER_SECOND) throw new Error(`${most} commands/s while Redis is full`)
  const members = [...(await asking), probe.member]
  await untilAllEnded(service, members)
  const seen = await probe.stop(service)
  const figures = await count(world, service, members, { kills: rounds })
  return { ...figures, remark: `${seen}; ${Math.round(most)} commands/s while wedged` }
}

async function readiness({ adminUrl }: Service): Promise<number> {
  return (await call(`${adminUrl}/health/ready`)).status
}

async function memoryOf(world: World, name: string): Promise<number> {
  return numberIn(await world.client.info('memory'), name)
}

async function commandsOf(world: World): Promise<number> {
  return numberIn(await world.client.info('stats'), 'total_commands_processed')
}

function numberIn(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
}
