import { setTimeout as pause } from 'node:timers/promises'
import { untilAllEnded } from '../../helpers/crowd.ts'
import { until } from '../../helpers/until.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import {
  answered,
  checkHistories,
  openOutage,
  type Outage,
  spooled,
  untilAllTaken,
  untilDrained
} from './outage.ts'

/** Callbacks that come while Redis can't store them, with SPOOL_DIR. */
export const spoolFaults: readonly Fault[] = [
  { name: 'spool: Redis is killed, then the server as it spools and drains', run: killed },
  {
    name: 'spool: Redis hangs, then the server is killed as it spools',
    isLong: true,
    run: hung
  },
  { name: 'spool: more callbacks than SPOOL_LIMIT', isLong: true, run: limited },
  { name: 'spool: Redis is away for longer than a deadline', isLong: true, run: overdue }
]

async function killed(run: Run): Promise<Figures> {
  const { isShort } = run
  const outage = await openOutage(run, isShort ? 6 : 30)
  const { redis } = outage.world
  await redis.kill()
  const spooling = await killWhileSpooling(run, outage, isShort ? 1 : 4)
  await untilAllTaken(outage)
  refuseAny(outage, 503)
  await redis.restart()
  const draining = await killWhileDraining(run, outage, isShort ? 2 : 8)
  const figures = await end(outage, 1 + spooling + draining.kills)
  return { ...figures, remark: `${draining.inTheMiddle} kills left some to drain` }
}

async function hung(run: Run): Promise<Figures> {
  const { isShort } = run
  const outage = await openOutage(run, isShort ? 3 : 12)
  const pid = outage.world.redis.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  run.teardown(() => process.kill(pid, 'SIGCONT'))
  // The first ones learn by waiting that Redis does not answer.
  await until('the first are taken', () => answered(outage.world, 200) > 0)
  const kills = await killWhileSpooling(run, outage, isShort ? 1 : 3)
  await untilAllTaken(outage)
  refuseAny(outage, 503)
  process.kill(pid, 'SIGCONT')
  return end(outage, 1 + kills)
}

async function limited(run: Run): Promise<Figures> {
  const limits = { BODY_LIMIT: '5kb', SPOOL_LIMIT: '10kb' }
  const outage = await openOutage(run, run.isShort ? 6 : 40, limits)
  const { world } = outage
  await world.redis.kill()
  await until('there is no room', () => answered(world, 503) > 10)
  const kept = await spooled(outage.service)
  if (kept === 0) throw new Error('nothing was spooled')
  await outage.replace()
  if ((await spooled(outage.service)) < kept) throw new Error('a restart has lost some')
  await world.redis.restart()
  const figures = await end(outage, 2)
  return { ...figures, remark: `${kept} were kept, ${answered(world, 503)} times 503` }
}

// Whoever looked at the deadlines alone would ask Khipu again for what lies on the disk.
async function overdue(run: Run): Promise<Figures> {
  const each = run.isShort ? 20 : 200
  const outage = await openOutage(run, each, { CALLBACK_TIMEOUT: '10s' }, ['ok'])
  const { world, members } = outage
  await world.redis.kill()
  await untilAllTaken(outage)
  await pause(10_000)
  await world.redis.restart()
  const figures = await end(outage, 1)
  return { ...figures, extraSends: world.khipu.calls.length - members.length }
}

async function killWhileSpooling({ chance }: Run, outage: Outage, kills: number): Promise<number> {
  for (let kill = 0; kill < kills; kill++) {
    const enough = answered(outage.world, 200) + chance.between(1, 10)
    const all = outage.members.length
    await until('some more are taken', () => answered(outage.world, 200) >= Math.min(enough, all))
    await pause(chance.between(0, 20))
    await outage.replace()
  }
  return kills
}

async function killWhileDraining({ chance }: Run, outage: Outage, most: number) {
  let kills = 0
  let inTheMiddle = 0
  while (kills < most) {
    const { service } = outage
    const stored = () => service.logs.some(({ msg }) => msg === 'spooled callback stored')
    const isOver = async () => stored() || (await spooled(service)) === 0
    await until('it drains', isOver)
    if (!stored()) break
    await pause(chance.between(0, 10))
    await outage.replace()
    kills += 1
    if (outage.service.logs.length > 0 && (await spooled(outage.service)) > 0) inTheMiddle += 1
  }
  return { kills, inTheMiddle }
}

function refuseAny({ world }: Outage, status: number): void {
  const refused = answered(world, status)
  if (refused > 0) throw new Error(`${refused} callbacks were answered ${status}`)
}

/** Everything is stored and ends, once. */
async function end(outage: Outage, kills: number): Promise<Figures> {
  const { world, members } = outage
  await outage.service.ready()
  await untilDrained(outage)
  await untilAllTaken(outage)
  await untilAllEnded(outage.service, members)
  await untilDrained(outage)
  await checkHistories(outage)
  return count(world, outage.service, members, { kills })
}
