import { startGenerator } from '../load/run-generator.ts'
import type { Results } from '../report/results.ts'
import { startMover } from '../site/compared.ts'
import { openBenchLedger } from '../site/fill.ts'
import { ROOT } from '../site/processes.ts'
import { openSite } from '../site/site.ts'
import { startStore } from '../site/store.ts'
import { drainBare, drainCallbacks } from './drain.ts'
import type { RunDeps } from './run-deps.ts'
import { measureThrough } from './through.ts'

/** Starts the service between the simulators, with a bare worker on the same Redis, and measures. */
export async function runThrough({ plan, progress }: RunDeps): Promise<Results> {
  const store = await startStore()
  const redisUrl = store.redis.url
  const generator = startGenerator()
  const site = await openSite({ redisUrl, root: ROOT })
  const mover = startMover(redisUrl)
  const ledger = await openBenchLedger(redisUrl)
  await store.keepBase()
  const drains = {
    ours: drainCallbacks({ store, generator, site, ledger }, plan.drained),
    bare: drainBare(store, store.client, plan.drained)
  }
  await drains.ours.run()
  const results = await measureThrough({ plan, store, generator, progress, site, drains })
  await Promise.all([drains.bare.close(), ledger.close(), generator.stop(), mover.stop()])
  await site.stop()
  await store.stop()
  return results
}
