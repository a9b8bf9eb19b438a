import { startConsumer } from '../../simulator/consumer.ts'
import type { Generator } from '../load/run-generator.ts'
import type { Plan } from '../plan.ts'
import type { Progress } from '../report/progress.ts'
import { ROOT } from '../site/processes.ts'
import { dataBytes, memoryOf } from '../site/readings.ts'
import { TOKEN } from '../site/service.ts'
import { openSite } from '../site/site.ts'
import type { Store } from '../site/store.ts'

/** Memory in bytes at one moment of a long run. */
export interface Sample {
  readonly seconds: number
  readonly server: number
  readonly worker: number
  readonly redis: number
}

interface SoakDeps {
  readonly plan: Plan
  readonly store: Store
  readonly generator: Generator
  readonly progress: Progress
}

const PER_SECOND = 15
const SLICES = 60

/** Sends requests at a steady rate through everything, and reads the memory after each of sixty slices. */
export async function soak({ plan, store, generator, progress }: SoakDeps): Promise<Sample[]> {
  await store.reset()
  const seconds = plan.soakSlice ?? 0
  const site = await openSite({ redisUrl: store.redis.url, root: ROOT, sweepInterval: '15s' })
  const consumer = startConsumer({ redisUrl: store.redis.url, log: () => {}, keep: false })
  const samples: Sample[] = []
  const start = performance.now()
  for (let slice = 1; slice <= SLICES; slice++) {
    progress.step(`footprint: steady load, ${slice} of ${SLICES}`, seconds)
    await generator.send('POST /v1/requests', {
      port: site.server.adminPort,
      method: 'POST',
      paths: ['/v1/requests'],
      token: TOKEN,
      body: { kind: 'request' },
      ...{ connections: 4, seconds, perSecond: PER_SECOND, statuses: [202] }
    })
    samples.push({
      seconds: (performance.now() - start) / 1000,
      server: memoryOf(site.server.pid),
      worker: memoryOf(site.worker.pid),
      redis: await dataBytes(store.client)
    })
  }
  await consumer.close()
  await site.stop()
  return samples
}
