import type { Call, SentCallback } from '../../simulator/history.ts'
import type { RequestView } from '../../src/schemas/generated.ts'
import { statusOf } from '../chaos/faults/heard.ts'
import { until } from '../helpers/until.ts'
import { refuse } from './check.ts'
import { callbackFaults } from './lost.ts'
import type { Site } from './site.ts'

/** What became of requests. */
export interface Tally {
  readonly accepted: number
  readonly callbacks: readonly SentCallback[]
  /** In words. */
  readonly inWords: string
}

/** The account of each request by its id. */
type Accepted = ReadonlyMap<string, string>

const ENDED_WITHIN_MS = 120_000

/** Counts once every request has ended; throws where anything is lost, doubled or stuck. */
export async function tally(site: Site, accepted: Accepted): Promise<Tally> {
  await untilEnded(site, accepted)
  const results = await until('the consumer has every result', async () => {
    const found = await consumed(site)
    return [...accepted.keys()].every((id) => found.includes(id)) && found
  })
  const own = results.filter((id) => accepted.has(id))
  refuse(own.length === accepted.size ? [] : [`${own.length} results of ${accepted.size} requests`])
  const callbacks = await untilHeard(site, accepted)
  const calls = await journal<Call>(site, 'calls', accepted)
  const taken = callbacks.filter((callback) => statusOf(callback) === 200)
  return {
    accepted: accepted.size,
    callbacks,
    inWords: `${accepted.size} requests, ${taken.length} callbacks acknowledged of ${callbacks.length} and in the histories, ${calls.length} calls, ${own.length} results, lost 0, doubled 0`
  }
}

async function untilEnded(site: Site, accepted: Accepted): Promise<void> {
  const open = new Set(accepted.keys())
  const haveEnded = async () => {
    for (const id of open) {
      const { state } = await view(site, id)
      if (state !== 'delivered' && state !== 'failed') return false
      open.delete(id)
    }
    return true
  }
  await until('every request has ended', haveEnded, ENDED_WITHIN_MS)
}

/** Resolves with the callbacks once nothing of them is missing: what was taken last may still wait to be acted on. */
async function untilHeard(site: Site, accepted: Accepted): Promise<readonly SentCallback[]> {
  let faults: readonly string[] = []
  const allHeard = async () => {
    const callbacks = await journal<SentCallback>(site, 'callbacks', accepted)
    const byAccount = Map.groupBy(callbacks, ({ account }) => account)
    const found: string[] = []
    for (const [id, account] of accepted) {
      found.push(...callbackFaults(await view(site, id), byAccount.get(account) ?? []))
    }
    faults = found
    return faults.length === 0 && callbacks
  }
  return until('no acknowledged callback is missing', allHeard).catch((error: Error) => {
    throw new Error([error.message, ...faults].join('; '), { cause: error })
  })
}

async function view(site: Site, id: string): Promise<RequestView> {
  const { status, body } = await site.api<RequestView>('GET', `/v1/requests/${id}`)
  if (status !== 200) throw new Error(`${id} was accepted and is unknown`)
  return body
}

/** What Khipu got or sent for these requests. */
async function journal<T extends { account: string | null }>(
  { simulatorUrl }: Site,
  what: string,
  accepted: Accepted
): Promise<readonly T[]> {
  const accounts = new Set(accepted.values())
  const answer = await fetch(`${simulatorUrl}/simulator/${what}`)
  const records = (await answer.json()) as T[]
  return records.filter(({ account }) => account !== null && accounts.has(account))
}

/** The request ids of what the consumer was handed, as often as it was. */
async function consumed({ logOf }: Site): Promise<readonly string[]> {
  const log = await logOf('consumer')
  return [...log.matchAll(/^result (\S+) /gm)].map(([, id = '']) => id)
}
