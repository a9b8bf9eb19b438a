import { setTimeout as pause } from 'node:timers/promises'
import type { Scenario } from '../../simulator/scenario.ts'
import { scenarios } from '../../simulator/scenarios.ts'
import type { RequestList } from '../../src/schemas/generated.ts'
import type { Chance } from './chance.ts'
import type { Service } from './service-process.ts'
import { until } from './until.ts'
import { accountOf, sumOf, type World, type WorldSettings } from './world.ts'

/** Many requests at once, of scenarios that end alike whatever is lost on the way. */
export interface Member {
  readonly scenario: Scenario
  readonly account: string
  readonly requestId: string
}

const NAMES: ReadonlySet<string> = new Set([
  'ok',
  'empty',
  'retry-immediately-once',
  'retry-immediately-forever',
  'do-not-retry',
  'wait-4-hours-once',
  'retry-after-notification-once',
  'unknown-type',
  'refused-logon',
  'slow',
  'early',
  'never-once',
  'immediate-result',
  'immediate-error',
  '429',
  '500-text',
  '503-forever',
  'reset-before',
  'reset-after',
  'garbage',
  'duplicate',
  'conflicting'
])

const CHOSEN = scenarios.filter(({ name }) => NAMES.has(name))

/** A world in which everything goes fast, and Khipu repeats a callback until it is taken. */
export const FAST: WorldSettings = {
  khipu: {
    callbackDelayMs: 150,
    slowDelayMs: 1000,
    callbackRepeats: 1000,
    callbackRepeatDelayMs: 150
  },
  policy: {
    releasesPerSecond: 100,
    maxAttempts: 100,
    retry: {
      'retry-immediately': { delays: ['0s', '100ms'], jitter: 0.2, maxRetries: 5 },
      'refused-logon': { delays: ['100ms'], jitter: 0.2, maxRetries: 1 },
      'wait-4-hours': { delays: ['2s'], jitter: '100ms', maxRetries: 6 },
      temporary: { delays: ['200ms', '300ms'], jitter: 0.2, maxRetries: 8, retryAfterMax: '4h' },
      // Each attempt that a crash may have kept from Khipu costs one of these.
      'no-callback': { delays: ['0s'], jitter: 0, maxRetries: 20 }
    }
  },
  // The time-out is longer than it takes another worker to take over what was being sent.
  env: { CALLBACK_TIMEOUT: '4s', KHIPU_REQUEST_TIMEOUT: '30s', SWEEP_INTERVAL: '2s' }
}

/** Accounts of each scenario, where nobody says how many. */
const EACH = 4
/** A handler that hangs is given up after 90 s; a process that hears nothing, or is starved, before. */
const ENDED_WITHIN_MS = 150_000

/** Asks for some accounts of each scenario, over and over until each was accepted, whatever crashes. */
export async function askForAll(service: Service, each = EACH): Promise<readonly Member[]> {
  const all = Array.from({ length: each }, (_, number) =>
    CHOSEN.map((scenario) => ({ scenario, account: accountOf(scenario.prefix, number) }))
  ).flat()
  const members: Member[] = []
  for (const { scenario, account } of all) {
    members.push({ scenario, account, requestId: await askUntilAccepted(service, account) })
  }
  return members
}

/** Asks for an account, over and over until that was accepted; the id of the one request. */
export function askUntilAccepted(service: Service, account: string): Promise<string> {
  const body = { RequestData: { AccountNumber: account }, reference: account }
  const headers = { 'idempotency-key': account }
  const heard: string[] = []
  return until('the request is accepted', async () => {
    const answer = await service
      .api<{ requestId: string }>('POST', '/v1/requests', body, headers)
      .catch(() => null)
    if (answer?.status === 202) return answer.body.requestId
    heard.push(answer === null ? 'nothing' : `${answer.status} ${answer.text}`)
    return null
  }).catch((error: Error) => {
    throw new Error(`${error.message}: heard ${heard.length} times no, at last ${heard.at(-1)}`)
  })
}

/** Resolves once every request has ended; what is parked meanwhile is released. */
export async function untilAllEnded(service: Service, members: readonly Member[]): Promise<void> {
  const allEnded = async () => {
    const parked = await sumOf(service, 'khipu_requests_live', 'state="parked"').catch(() => 0)
    if (parked > 0) await service.api('POST', '/v1/notifications', { all: true }).catch(() => null)
    const ended = await sumOf(service, 'khipu_requests_ended').catch(() => 0)
    return ended >= members.length
  }
  const what = `${members.length} requests have ended`
  await until(what, allEnded, ENDED_WITHIN_MS).catch(async (error: Error) => {
    const { items } = (await service.api<RequestList>('GET', '/v1/requests?limit=200')).body
    const stuck = items.filter(({ state }) => state !== 'delivered' && state !== 'failed')
    throw new Error(`${error.message}: ${JSON.stringify(stuck)}`)
  })
}

/**
 * Resolves at a moment of chance: once Khipu has seen some more, and every other time in the middle
 * of a POST that it has taken and not answered. Sooner where nothing is left to be seen.
 */
export async function untilSomeMore(world: World, chance: Chance): Promise<void> {
  const { calls, callbacks } = world.khipu
  const seen = () => calls.length + callbacks.length
  const enough = seen() + chance.between(1, 60)
  await until('Khipu has seen some more', async () => seen() >= enough || isOver(world))
  if (chance.between(0, 1) === 0) return pause(chance.between(0, 40))
  const last = enough + 200
  while (seen() < last && calls.every(({ answer }) => answer !== null)) {
    if (await isOver(world)) return
  }
}

// What is parked waits for untilAllEnded.
async function isOver({ results }: World): Promise<boolean> {
  const most = EACH * CHOSEN.filter(({ afterRelease }) => afterRelease === undefined).length
  const { waiting = 0, completed = 0 } = await results.getJobCounts('waiting', 'completed')
  return waiting + completed >= most
}
