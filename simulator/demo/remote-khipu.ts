import type { Call, SentCallback } from '../history.ts'

/** What the demo sees of the simulated Khipu. */
export interface KhipuSight {
  readonly calls: readonly Call[]
  readonly callbacks: readonly SentCallback[]
  /** Looks again, where it is not seen at once. */
  refresh(): Promise<void>
}

const ANSWER_WITHIN_MS = 10_000

/** A simulator that runs elsewhere, seen through its peepholes; it forgets what was before. */
export async function lookAtKhipu(url: string, stop: AbortSignal): Promise<KhipuSight> {
  let calls: readonly Call[] = []
  let callbacks: readonly SentCallback[] = []
  await ask('POST', 'reset')
  return {
    get calls() {
      return calls
    },
    get callbacks() {
      return callbacks
    },
    async refresh() {
      const told = await Promise.all([ask('GET', 'calls'), ask('GET', 'callbacks')])
      const [toldCalls, toldCallbacks] = await Promise.all(told.map((one) => one.json()))
      calls = toldCalls as Call[]
      callbacks = toldCallbacks as SentCallback[]
    }
  }

  async function ask(method: 'GET' | 'POST', what: string): Promise<Response> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_WITHIN_MS)])
    const answer = await fetch(`${url}/simulator/${what}`, { method, signal }).catch(
      (cause: unknown) => {
        throw new Error(`the simulator at ${url} gave no answer`, { cause })
      }
    )
    if (answer.ok) return answer
    throw new Error(`${method} /simulator/${what} was answered ${answer.status}`)
  }
}
