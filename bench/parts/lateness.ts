import { setTimeout as pause } from 'node:timers/promises'
import { createAdvance } from '../../src/ledger/advance.ts'
import { applyAnswer, beginSending } from '../../src/core/transitions/on-send.ts'
import { createRequests, type Ledger, openBenchLedger } from '../site/fill.ts'
import { ROOT } from '../site/processes.ts'
import { openSite } from '../site/site.ts'
import type { Store } from '../site/store.ts'
import { createAwaiting, REQUEST_TIMEOUT_MS } from '../site/walk.ts'

/** How many ms after their instant deadlines and retries were acted on. */
export interface Lateness {
  readonly deadlines: readonly number[]
  readonly retries: readonly number[]
}

const COUNT = 100
/** So that one request is acted on before the next becomes due. */
const APART_MS = 50
const DUE_AFTER_MS = 5_000
const PATIENCE_MS = 90_000

/** Lets deadlines and retries become due beside everything that waits already, and reads when a worker acted. */
export async function measureLateness(store: Store): Promise<Lateness> {
  const site = await openSite({ redisUrl: store.redis.url, root: ROOT, sweepInterval: '15s' })
  const ledger = await openBenchLedger(store.redis.url, {
    CALLBACK_TIMEOUT: `${DUE_AFTER_MS}ms`
  })
  const lateness = {
    deadlines: await lateBy(ledger, 'deadline-passed', async () => createAwaiting(ledger, 1)),
    retries: await lateBy(ledger, 'sending', async () => createRetry(ledger))
  }
  await ledger.close()
  await site.stop()
  return lateness
}

/** A request that Khipu asked to send again a little later. */
async function createRetry(ledger: Ledger): Promise<string[]> {
  const advance = createAdvance({ ...ledger, random: () => 0 })
  const ids = await createRequests(ledger, 1, false)
  const answer = {
    type: 'temporary',
    httpStatus: 503,
    retryAfterMs: DUE_AFTER_MS,
    detail: 'HTTP 503'
  } as const
  for (const id of ids) {
    await advance(id, (request, context) => beginSending(request, context, REQUEST_TIMEOUT_MS))
    await advance(id, (request, context) => applyAnswer(request, 1, answer, context))
  }
  return ids
}

/** How late the event was of each request that became due. */
async function lateBy(
  { ledger }: Ledger,
  event: string,
  create: () => Promise<readonly string[]>
): Promise<number[]> {
  const due = new Map<string, number>()
  for (let index = 0; index < COUNT; index++) {
    for (const id of await create()) due.set(id, (await ledger.load(id))?.request.dueAt ?? 0)
    await pause(APART_MS)
  }
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    const late: number[] = []
    for (const [id, dueAt] of due) {
      const history = (await ledger.load(id))?.request.history ?? []
      const acted = history.find((one) => one.event === event && one.at >= dueAt)
      if (acted !== undefined) late.push(acted.at - dueAt)
    }
    if (late.length === due.size) return late
    await pause(1000)
  }
  throw new Error(`not every request was acted on within ${PATIENCE_MS / 1000} s: ${event}`)
}
