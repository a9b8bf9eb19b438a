import type { Plan } from '../plan.ts'
import type { Generator } from '../load/run-generator.ts'
import { callbackPath, createRequests, openBenchLedger } from '../site/fill.ts'
import { ROOT } from '../site/processes.ts'
import { memoryOf } from '../site/readings.ts'
import { openSite } from '../site/site.ts'
import type { Store } from '../site/store.ts'
import { ratePerSecond } from './through-rounds.ts'

/** The most resident memory of both processes, in bytes, after a load. */
export interface Peak {
  readonly load: string
  readonly server: number
  readonly worker: number
}

interface PeakDeps {
  readonly plan: Plan
  readonly store: Store
  readonly generator: Generator
}

const LARGE = 3_000_000
const AT_ONCE = 10
const LARGE_BODIES = 40

/** Small requests first, then large bodies: a peak never falls. */
export async function measurePeaks({ plan, store, generator }: PeakDeps): Promise<Peak[]> {
  await store.reset()
  const site = await openSite({ redisUrl: store.redis.url, root: ROOT })
  const ledger = await openBenchLedger(store.redis.url)
  const peak = (load: string): Peak => ({
    load,
    server: memoryOf(site.server.pid, 'VmHWM'),
    worker: memoryOf(site.worker.pid, 'VmHWM')
  })
  const requests = 3 * plan.requests
  await ratePerSecond({ store, generator, site }, requests)
  const small = peak(`${requests.toLocaleString('en')} requests with 3 transactions, 50 in flight`)
  const ids = await createRequests(ledger, LARGE_BODIES, false)
  await generator.send('service', {
    port: site.server.port,
    method: 'POST',
    paths: ids.map(callbackPath),
    body: { kind: 'callback', bytes: LARGE },
    ...{ connections: AT_ONCE, seconds: 120, statuses: [200, 503] }
  })
  const large = peak(`then ${LARGE_BODIES} callbacks of 3 MB, ${AT_ONCE} in flight`)
  await ledger.close()
  await site.stop()
  return [small, large]
}
