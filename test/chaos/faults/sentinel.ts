import { setTimeout as pause } from 'node:timers/promises'
import { FAST, untilAllEnded } from '../../helpers/crowd.ts'
import { grantedCommands } from '../../helpers/redis-rights.ts'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { metric, startWorld, sumOf, type World } from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { startAsking, watchReady } from './fleet.ts'
import { statusOf } from './heard.ts'
import { openGate } from './gate.ts'
import { checkRights, startSentinels, USER } from './machines.ts'

/** A master that goes, or is cut off, and Sentinels that make another. */
export const sentinelFaults: readonly Fault[] = [
  {
    name: 'Sentinel: SIGKILL of the master, ACK_REPLICAS=1, under load',
    run: killMaster
  },
  {
    name: 'Sentinel: the master is cut off from the others, ACK_REPLICAS=1',
    isLong: true,
    run: (run) => cutOff(run, 1)
  },
  {
    name: 'Sentinel: the master is cut off from the others, ACK_REPLICAS=0',
    isLong: true,
    mayLose: true,
    run: (run) => cutOff(run, 0)
  }
]

/** The documented rights for ACK_REPLICAS. */
function rights(): string[] {
  return ['~{journey-*', '~journey-*', ...grantedCommands(), '+wait']
}

async function killMaster(run: Run): Promise<Figures> {
  const { master, replicas, ...machines } = await startSentinels(run, rights())
  const env = { ...FAST.env, ACK_REPLICAS: '1' }
  const world = await startWorld(run, { ...FAST, machines, env })
  const { first, asking } = await startAsking(run, world)
  const ready = watchReady(run, first)
  await master.server.end('SIGKILL')
  const members = await asking
  await untilAllEnded(first, members)
  await checkRights(replicas)
  const figures = await count(world, first, members, { kills: 1 })
  return { ...figures, remark: `not ready for ${ready.longestGap()} s` }
}

/** For how long the master is cut off: longer than the Sentinels take to make another. */
const CUT_MS = 12_000

// The service still reaches the master: what it writes there is gone once that becomes a replica of the other.
async function cutOff(run: Run, ackReplicas: number): Promise<Figures> {
  const gate = await openGate(run, USER)
  const machines = await startSentinels(run, rights(), { before: ({ port }) => gate.to(port) })
  const env = { ...FAST.env, ACK_REPLICAS: String(ackReplicas) }
  const world = await startWorld(run, { ...FAST, machines, env })
  const { first, asking } = await startAsking(run, world)
  gate.cut()
  const cutAt = Date.now()
  await pause(CUT_MS)
  gate.mend()
  const members = await asking
  // What is lost never ends.
  if (ackReplicas === 0) await untilNoneIsLive(first)
  else await untilAllEnded(first, members)
  const figures = await count(world, first, members, { kills: 1 })
  return { ...figures, remark: afterTheCut(world, cutAt) }
}

function afterTheCut({ khipu }: World, cutAt: number): string {
  const instants = khipu.callbacks
    .filter((callback) => statusOf(callback) === 200)
    .map(({ at }) => Date.parse(at) - cutAt)
    .filter((ms) => ms > 0)
  const first = Math.round(Math.min(...instants) / 100) / 10
  const within = instants.filter((ms) => ms < CUT_MS).length
  return `while cut off ${within} acknowledged, the first after ${first} s`
}

async function untilNoneIsLive(service: Service): Promise<void> {
  await until('nothing is live any more', async () => {
    const live = await metric(service, 'khipu_requests_live').catch(() => null)
    if (live === null || live.size === 0) return false
    if ((await sumOf(service, 'khipu_requests_live', 'state="parked"').catch(() => 0)) > 0)
      await service.api('POST', '/v1/notifications', { all: true })
    return [...live.values()].every((count) => count === 0)
  })
}
