import { startGenerator } from '../load/run-generator.ts'
import { together, type Results } from '../report/results.ts'
import { v7 } from 'uuid'
import { startDutifulReceiver, startReceiver } from '../site/compared.ts'
import { callbackPath, createRequests, openBenchLedger } from '../site/fill.ts'
import type { Candidate } from '../site/measure.ts'
import { ROOT } from '../site/processes.ts'
import { startService } from '../site/service.ts'
import { startStore } from '../site/store.ts'
import { compareIntake } from './intake.ts'
import { NAMES } from './intake-results.ts'
import type { RunDeps } from './run-deps.ts'
import { measureStore } from './store-limits.ts'

/** Starts the four receivers on one Redis and compares them. */
export async function runIntake({ plan, progress }: RunDeps): Promise<Results> {
  const store = await startStore()
  const redisUrl = store.redis.url
  const generator = startGenerator()
  const service = await startService({ role: 'server', redisUrl, root: ROOT })
  const [textbook, bare] = [await startReceiver(redisUrl), await startReceiver()]
  const dutiful = await startDutifulReceiver(redisUrl)
  const ledger = await openBenchLedger(redisUrl)
  await store.keepBase()
  const anyPath = async () => ['/callbacks/any']
  const candidates: Candidate[] = [
    {
      ...{ name: NAMES.ours, pid: service.pid, port: service.port, stores: true },
      prepare: async (count) => (await createRequests(ledger, count, false)).map(callbackPath)
    },
    {
      ...{ name: NAMES.textbook, pid: textbook.pid, port: textbook.port, stores: true },
      prepare: anyPath
    },
    {
      ...{ name: NAMES.dutiful, pid: dutiful.pid, port: dutiful.port, stores: true },
      prepare: async (count) => Array.from({ length: count }, () => callbackPath(v7()))
    },
    { name: NAMES.bare, pid: bare.pid, port: bare.port, stores: false, prepare: anyPath }
  ]
  const compared = await compareIntake({ plan, store, generator, progress, candidates })
  const limits = await measureStore(plan, store, progress)
  await ledger.close()
  await Promise.all([generator, service, textbook, dutiful, bare].map((one) => one.stop()))
  await store.stop()
  return together([compared, limits])
}
