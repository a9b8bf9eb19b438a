import { scenarios } from '../../../simulator/scenarios.ts'
import type { RequestView } from '../../../src/schemas/generated.ts'
import { FAST, type Member } from '../../helpers/crowd.ts'
import type { Env, Service } from '../../helpers/service-process.ts'
import {
  accountOf,
  ask,
  atRest,
  otherPorts,
  startWorld,
  type World,
  type WorldSettings
} from '../../helpers/world.ts'
import { count } from './count.ts'
import { clockHindrance, clockOff } from './faketime.ts'
import type { Fault, Figures, Run } from './fault.ts'

type Offset = Parameters<typeof clockOff>[0]

const CLOCKS: readonly (readonly [
  name: string,
  offsets: readonly [Offset, ...Offset[]],
  more: { isLong?: true }
])[] = [
  ["the service's clock an hour ahead", ['+1h'], { isLong: true }],
  ["the service's clock an hour behind", ['-1h'], { isLong: true }],
  ['two workers, an hour ahead and an hour behind', ['+1h', '-1h'], {}]
]

/** Clocks of processes that are wrong; Redis's is right. */
export const clockFaults: readonly Fault[] = CLOCKS.map(([name, offsets, more]) => ({
  name,
  ...more,
  hindrance: clockHindrance,
  run: (run: Run) => runByWrongClocks(run, offsets)
}))

const DELAY_MS = 3000
/** What is late by so much was found by the sweep: its interval of 2 s, and 5 s of grace; and the machine may be slow. */
const LATE_AT_MOST_MS = 20_000

/** Everything is due three seconds after something else: a retry, a deadline, the end of being parked. */
const SETTINGS: WorldSettings = {
  ...FAST,
  ownRedis: true,
  policy: {
    maxAttempts: 100,
    retry: {
      'wait-4-hours': { delays: ['3s'], jitter: 0, maxRetries: 6 },
      'no-callback': { delays: ['0s'], jitter: 0, maxRetries: 20 }
    },
    park: { 'retry-after-notification': { failAfter: '3s' } }
  },
  env: { ...FAST.env, CALLBACK_TIMEOUT: '3s' }
}

/** The instant, ms since 1970, from which a request's next step may be taken, and that of the step. */
type Step = (world: World, member: Member, seen: RequestView) => { after: number; at: number }

const STEPS: ReadonlyMap<string, Step> = new Map([
  [
    'wait-4-hours-once',
    ({ khipu }, { account }) => ({
      after: instantOf(khipu.callbacks.find((one) => one.account === account)),
      at: instantOf(khipu.calls.filter((one) => one.account === account)[1])
    })
  ],
  [
    'never-once',
    ({ khipu }, { account }) => {
      const [first, second] = khipu.calls.filter((one) => one.account === account)
      return { after: instantOf(first), at: instantOf(second) }
    }
  ],
  [
    'retry-after-notification-forever',
    (_world, _member, { history }) => ({
      after: instantOf(history.find(({ event }) => event === 'parked')),
      at: instantOf(history.find(({ event }) => event === 'failed'))
    })
  ]
])

async function runByWrongClocks(
  run: Run,
  offsets: readonly [Offset, ...Offset[]]
): Promise<Figures> {
  const world = await startWorld(run, SETTINGS)
  const startedAt = Date.now()
  const services = await Promise.all(offsets.map((offset, index) => start(world, offset, index)))
  const [service] = services as [Service]
  const used = scenarios.filter(({ name }) => STEPS.has(name))
  const members: Member[] = []
  for (let number = 0; number < (run.isShort ? 5 : 20); number++) {
    for (const scenario of used) {
      const account = accountOf(scenario.prefix, number)
      members.push({ scenario, account, requestId: await ask(service, account) })
    }
  }
  const late = await Promise.all(
    members.map(async (member) => {
      const seen = await atRest(service, member.requestId)
      checkClock(seen, startedAt)
      return lateness(world, member, seen)
    })
  )
  const early = Math.min(...late)
  if (early < 0) throw new Error(`a step was taken ${-early} ms too early`)
  const latest = Math.max(...late)
  if (latest > LATE_AT_MOST_MS) throw new Error(`a step was taken ${latest} ms too late`)
  const figures = await count(world, service, members, { kills: services.length })
  return { ...figures, remark: `nothing early; late by ${early} to ${latest} ms` }
}

async function start(world: World, offset: Offset, index: number): Promise<Service> {
  const beside: Env = index === 0 ? {} : { ...(await otherPorts()), ROLE: 'worker' }
  const service = await world.start({ ...beside, ...(await clockOff(offset)) })
  const [{ time } = { time: 0 }] = service.logs
  const offByMs = Math.abs(time - Date.now())
  if (offByMs < 3_000_000) throw new Error(`its clock is off by ${offByMs} ms only`)
  return service
}

/** Redis's clock, which is right, is all that the ledger may know. */
function checkClock({ history }: RequestView, startedAt: number): void {
  const strange = history.find((event) => {
    const at = instantOf(event)
    return at < startedAt - 1000 || at > Date.now() + 1000
  })
  if (strange !== undefined) throw new Error(`a wrong clock came in: ${JSON.stringify(strange)}`)
}

/** By how many ms after its instant a step was taken; before it, where that is negative. */
function lateness(world: World, member: Member, seen: RequestView): number {
  const step = STEPS.get(member.scenario.name)?.(world, member, seen)
  if (step === undefined) throw new Error(`${member.scenario.name} has no step`)
  return step.at - (step.after + DELAY_MS)
}

function instantOf(what: { readonly at: string } | undefined): number {
  if (what === undefined) throw new Error('a step was never taken')
  return Date.parse(what.at)
}
