import { once } from 'node:events'
import pLimit from 'p-limit'
import { pino } from 'pino'
import { buildParts } from '../../src/app/ledger-parts.ts'
import { createAdvance } from '../../src/ledger/advance.ts'
import { readConfig } from '../../src/config/read-config.ts'
import { acceptRequest } from '../../src/core/new-request.ts'
import { callbackUrlLength, createCapabilities } from '../../src/crypto/callback-token.ts'
import { connectWaiting } from '../../src/redis/connect.ts'
import { KEY, serviceEnv } from './service.ts'

export type Ledger = Awaited<ReturnType<typeof openBenchLedger>>

/** The ledger and the queues of the service, opened by its own modules with the settings of its processes. */
export async function openBenchLedger(redisUrl: string, more: Record<string, string> = {}) {
  const config = readConfig(callbackUrlLength, { ...serviceEnv(redisUrl, 3000), ...more })
  const log = pino({ level: 'silent' })
  const connection = connectWaiting(config.redis, log)
  await once(connection, 'ready')
  const parts = buildParts(config, connection, log)
  const capabilities = createCapabilities(config.secretKeys)
  return {
    ...parts,
    advance: createAdvance(parts),
    config,
    capabilities,
    async close() {
      await parts.closeQueues()
      connection.disconnect()
    }
  }
}

export const SERVICE = 'cl/banking/personal/btgpactual.cl/transactions'
const AT_ONCE = 200

/** A million promises at once would take more memory than what they write. */
const BATCH = 10_000

/** Does so many tasks, some at a time; their results in order. */
export async function manyTimes<T>(
  count: number,
  task: (index: number) => Promise<T>
): Promise<T[]> {
  const limit = pLimit(AT_ONCE)
  const results: T[] = []
  for (let from = 0; from < count; from += BATCH) {
    const indexes = Array.from(
      { length: Math.min(BATCH, count - from) },
      (_, index) => from + index
    )
    const batch = await Promise.all(indexes.map((index) => limit(task, index)))
    for (const result of batch) results.push(result)
  }
  return results
}

/** Writes so many new requests, each of an account of its own, with their jobs where these are wanted. */
export async function createRequests(
  ledger: Ledger,
  count: number,
  withJobs: boolean
): Promise<string[]> {
  const now = await ledger.catalog.now()
  return manyTimes(count, async (index) => {
    const input = { RequestData: { AccountNumber: `${now}${index}`.slice(-18) } }
    const account = ledger.accounts.identify(SERVICE, input)
    const requestId = ledger.newRequestId(account)
    const asked = { requestId, service: SERVICE, reference: null, account, authorization: null }
    const request = acceptRequest(asked, 'bench', now)
    await ledger.ledger.create(request, input)
    if (withJobs) await ledger.jobs.ensure(request, now)
    return requestId
  })
}

const { sign } = createCapabilities([{ kid: 'k1', bytes: KEY }])

/** The path of the callback of a request's first attempt. */
export function callbackPath(requestId: string): string {
  return `/callbacks/${sign({ requestId, attempt: 1 })}`
}
