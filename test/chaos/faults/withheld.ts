import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import { Agent, request } from 'undici'
import { scenarios } from '../../../simulator/scenarios.ts'
import type { Member } from '../../helpers/crowd.ts'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { accountOf, ask, view, type World } from '../../helpers/world.ts'

/** A request whose callback Khipu withholds, so that a fault can post it at a moment of its own. */
export interface Withheld extends Member {
  readonly callbackUrl: string
}

/** How a posted callback was answered, and after how long. */
export interface Posted {
  /** 0 where there was no answer. */
  readonly status: number
  readonly retryAfter: string | null
  readonly ms: number
  /** When the answer was there, ms since 1970. */
  readonly at: number
}

const NEVER = scenarios.find(({ name }) => name === 'never')

/** Asks for so many accounts, and resolves once Khipu was asked for all of them. */
export async function askWithheld(
  world: World,
  service: Service,
  count: number
): Promise<readonly Withheld[]> {
  if (NEVER === undefined) throw new Error('the simulator has no scenario without a callback')
  const scenario = NEVER
  const limit = pLimit(20)
  const members = await Promise.all(
    Array.from({ length: count }, (_, number) =>
      limit(async () => {
        const account = accountOf(scenario.prefix, number)
        return { scenario, account, requestId: await ask(service, account) }
      })
    )
  )
  await until('Khipu was asked for all of them', () => urlsOf(world).size >= count)
  const urls = urlsOf(world)
  return members.map((member) => ({ ...member, callbackUrl: urls.get(member.account) ?? '' }))
}

function urlsOf({ khipu }: World): ReadonlyMap<string, string> {
  const mine = khipu.calls.filter(({ scenario }) => scenario === 'never')
  return new Map(mine.map(({ account, callbackUrl }) => [account ?? '', callbackUrl ?? '']))
}

/** Where callbacks are posted from: many connections, and no more patience than Khipu's. */
export function openPosting(scope: { teardown(task: () => unknown): void }) {
  const agent = new Agent({ connections: 50, headersTimeout: 30_000 })
  scope.teardown(() => agent.destroy())
  return (url: string, bytes = 0): Promise<Posted> => postOnce(agent, url, bytes)
}

export type Post = ReturnType<typeof openPosting>

async function postOnce(dispatcher: Agent, url: string, bytes: number): Promise<Posted> {
  const startedAt = Date.now()
  const headers = { 'content-type': 'application/json' }
  const answer = await request(url, { method: 'POST', headers, body: bodyOf(bytes), dispatcher })
    .then(async ({ statusCode, headers: answered, body }) => {
      await body.dump()
      return { status: statusCode, retryAfter: String(answered['retry-after'] ?? '') || null }
    })
    .catch(() => ({ status: 0, retryAfter: null }))
  const at = Date.now()
  return { ...answer, at, ms: at - startedAt }
}

function bodyOf(bytes: number): string {
  return JSON.stringify({
    OperationId: '6baf6c19-e485-463b-ae24-a821b025c8a4',
    Status: 'OK',
    Data: { Transaction: [], Padding: 'x'.repeat(bytes) },
    AdditionalInformation: null,
    Error: null,
    LifeSpan: null
  })
}

/** Posts the callback of each again and again, as a patient sender would, until it is answered 200. */
export async function postUntilTaken(post: Post, members: readonly Withheld[]): Promise<void> {
  const limit = pLimit(20)
  const one = async ({ callbackUrl, requestId }: Withheld) => {
    await until(`the callback of ${requestId} is taken`, async () => {
      return (await post(callbackUrl)).status === 200
    })
  }
  await Promise.all(members.map((member) => limit(one, member)))
}

/** A job that died takes 20 s to be taken over, and the sweep some seconds. */
const NO_PROGRESS_MS = 40_000

/** Those that are not delivered, once no more of them have been for a while. */
export async function undelivered<Asked extends { readonly requestId: string }>(
  service: Service,
  members: readonly Asked[]
): Promise<readonly Asked[]> {
  const limit = pLimit(20)
  let left = members
  let changedAt = Date.now()
  while (left.length > 0 && Date.now() - changedAt < NO_PROGRESS_MS) {
    const states = await Promise.all(
      left.map(({ requestId }) =>
        limit(() =>
          view(service, requestId).then(
            ({ state }) => state,
            () => 'unknown'
          )
        )
      )
    )
    const still = left.filter((_, index) => states[index] !== 'delivered')
    if (still.length < left.length) changedAt = Date.now()
    left = still
    await pause(200)
  }
  return left
}
