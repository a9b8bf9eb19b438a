import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../helpers/until.ts'
import type { Site } from './site.ts'
import { type Tally, tally } from './tally.ts'

/** Requests that keep coming. */
export interface Crowd {
  /** Asks no more, and resolves once everything has ended; throws where anything is lost, doubled or stuck. */
  settle(): Promise<Tally>
}

const ASK_EVERY_MS = 60
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
