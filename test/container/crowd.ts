import { setTimeout as pause } from 'node:timers/promises'
import type { Call, SentCallback } from '../../simulator/journal.ts'
import type { RequestView } from '../../src/schemas/generated.ts'
import { until } from '../journey/until.ts'
import { refuse } from './check.ts'
import type { Site } from './site.ts'

/** Requests that keep coming. */
export interface Crowd {
  /** Asks no more, and resolves once everything has ended; throws where anything is lost, doubled or stuck. */
  settle(): Promise<Tally>
}

export interface Tally {
  readonly accepted: number
  readonly callbacks: readonly SentCallback[]
  /** In words. */
  readonly inWords: string
}

const ASK_EVERY_MS = 60
const ENDED_WITHIN_MS = 120_000
// Each is delivered in the end, whatever is lost on the way.
const PREFIXES = ['1001', '1002', '1004', '1101']
let crowds = 0

/** Lets requests come at one server or several in turn, until it is told to settle. */
export function startCrowd(
  site: Site,
  ports: readonly (number | undefined)[] = [undefined]
): Crowd {
  crowds += 1
  const crowd = `${process.pid % 1000}${crowds}`
  const accepted = new Map<string, string>()
  let isOver = false
  const asking = ask()
  return {
    async settle() {
      isOver = true
      await asking
      return tally(site, accepted)
    }
  }

  async function ask(): Promise<void> {
    for (let number = 0; !isOver; number++) {
      const account = `${PREFIXES[number % PREFIXES.length]}-${crowd}-${number}`
      accepted.set(await askUntilAccepted(account, number), account)
      await pause(ASK_EVERY_MS)
    }
  }

  // Whatever happens to the answer, the key makes it one request.
  function askUntilAccepted(account: string, number: number): Promise<string> {
    return until(`${account} is accepted`, async () => {
      const port = ports[number % ports.length]
      const answer = await site
        .api<{ requestId: string }>('POST', '/v1/requests', {
          body: { RequestData: { AccountNumber: account }, reference: account },
          headers: { 'idempotency-key': account },
          ...(port === undefined ? {} : { port })
        })
        .catch(() => null)
      return answer?.status === 202 ? answer.body.requestId : null
    })
  }
}

async function tally(site: Site, accepted: ReadonlyMap<string, string>): Promise<Tally> {
  const views = new Map<string, RequestView>()
  const hasEnded = async () => {
    for (const id of accepted.keys()) {
      if (views.has(id)) continue
      const { status, body } = await site.api<RequestView>('GET', `/v1/requests/${id}`)
      if (status !== 200) throw new Error(`${id} was accepted and is unknown`)
      if (body.state !== 'delivered' && body.state !== 'failed') return false
      views.set(id, body)
    }
    return true
  }
  await until('every request has ended', hasEnded, ENDED_WITHIN_MS)
  const accounts = new Set(accepted.values())
  const of = <T extends { account: string | null }>(records: readonly T[]) =>
    records.filter(({ account }) => account !== null && accounts.has(account))
  const callbacks = of(await journal<SentCallback>(site, 'callbacks'))
  const calls = of(await journal<Call>(site, 'calls'))
  const results = await until('the consumer has every result', async () => {
    const found = await consumed(site)
    return [...accepted.keys()].every((id) => found.includes(id)) && found
  })
  const own = results.filter((id) => accepted.has(id))
  refuse(own.length === accepted.size ? [] : [`${own.length} results of ${accepted.size} requests`])
  refuse(lostOf(accepted, views, callbacks))
  const taken = callbacks.filter((callback) => statusOf(callback) === 200)
  return {
    accepted: accepted.size,
    callbacks,
    inWords: `${accepted.size} requests, ${taken.length} callbacks acknowledged of ${callbacks.length}, ${calls.length} calls, ${own.length} results, lost 0, doubled 0`
  }
}

/** A good callback that was taken is a result. */
function lostOf(
  accepted: ReadonlyMap<string, string>,
  views: ReadonlyMap<string, RequestView>,
  callbacks: readonly SentCallback[]
): string[] {
  const taken = new Set(
    callbacks.filter((one) => statusOf(one) === 200).map(({ account }) => account)
  )
  return [...accepted].flatMap(([id, account]) => {
    const state = views.get(id)?.state
    const isLost = taken.has(account) && !account.startsWith('1101') && state !== 'delivered'
    return isLost ? [`${id} has a callback that was acknowledged, and is ${state}`] : []
  })
}

export function statusOf({ answer }: SentCallback): number {
  return answer !== null && 'status' in answer ? answer.status : 0
}

async function journal<T>({ simulatorUrl }: Site, what: string): Promise<readonly T[]> {
  const answer = await fetch(`${simulatorUrl}/simulator/${what}`)
  return (await answer.json()) as T[]
}

/** The request ids of what the consumer was handed, as often as it was. */
async function consumed({ logOf }: Site): Promise<readonly string[]> {
  const log = await logOf('consumer')
  return [...log.matchAll(/^result (\S+) /gm)].map(([, id = '']) => id)
}
