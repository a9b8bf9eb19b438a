import { setTimeout as pause } from 'node:timers/promises'
import type { Member } from '../../helpers/crowd.ts'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { view, type World } from '../../helpers/world.ts'
import type { Run } from './fault.ts'
import { askWithheld, openPosting, type Posted, type Withheld } from './withheld.ts'

/** Posts the same callback over and over while something is done to Redis. */
export interface Probe {
  /** Its request, to be counted with the others. */
  readonly member: Member
  /** How many posts were answered 503 so far. */
  refusals(): number
  /** Ends it and looks back: throws where an answer was neither 200 nor a 503 in time that says when to come again. */
  stop(service: Service): Promise<string>
}

/** The promise is two seconds; a machine that does too much at once may take longer. */
const REFUSED_WITHIN_MS = 5000

/** Starts it, on a request of its own. */
export async function startProbe(run: Run, world: World, service: Service): Promise<Probe> {
  const [withheld] = await askWithheld(world, service, 1)
  if (withheld === undefined) throw new Error('nothing was asked')
  return probeWith(run, withheld)
}

/** The same on a request that is there already. */
export function probeWith(run: Run, withheld: Withheld): Probe {
  const { callbackUrl, requestId, account, scenario } = withheld
  const post = openPosting(run)
  const answers: Posted[] = []
  let isOver = false
  run.teardown(() => (isOver = true))
  const posting = (async () => {
    while (!isOver) {
      answers.push(await post(callbackUrl))
      await pause(50)
    }
  })()
  const refused = () => answers.filter(({ status }) => status === 503)
  return {
    member: { scenario, account, requestId },
    refusals: () => refused().length,
    async stop(service) {
      await until('the probe is taken', () => answers.at(-1)?.status === 200)
      isOver = true
      await posting
      check(answers)
      await until('its request is delivered', async () => {
        return (await view(service, requestId)).state === 'delivered'
      })
      return `${refused().length} × 503, the slowest after ${slowest(refused())} ms`
    }
  }
}

function check(answers: readonly Posted[]): void {
  const strange = answers.find(
    ({ status, retryAfter }) => status !== 200 && !(status === 503 && retryAfter !== null)
  )
  if (strange !== undefined) throw new Error(`a callback was answered ${JSON.stringify(strange)}`)
  const ms = slowest(answers)
  if (ms > REFUSED_WITHIN_MS) throw new Error(`a callback was answered after ${ms} ms`)
}

function slowest(answers: readonly Posted[]): number {
  return Math.max(0, ...answers.map(({ ms }) => ms))
}
