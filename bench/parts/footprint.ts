import { setTimeout as pause } from 'node:timers/promises'
import type { Plan } from '../plan.ts'
import { startGenerator } from '../load/run-generator.ts'
import type { Results } from '../report/results.ts'
import { launchReceiver } from '../site/compared.ts'
import { ROOT, type Started, untilReady } from '../site/processes.ts'
import { cpuOf, memoryOf } from '../site/readings.ts'
import { launchService, readyUrl } from '../site/service.ts'
import { startStore } from '../site/store.ts'
import { footprintResults, type Start, type StartName } from './footprint-results.ts'
import { measureHolds } from './holds.ts'
import { measurePeaks } from './memory-peaks.ts'
import type { RunDeps } from './run-deps.ts'
import { soak } from './soak.ts'

const SETTLE_MS = 2_000
const START_SECONDS = 4
const REST_SECONDS = 40

export function footprintSeconds({ starts, soakSlice }: Plan): number {
  return 3 * starts * START_SECONDS + REST_SECONDS + (soakSlice ?? 0) * 60
}

/** Starts, memory at rest and under load, the longest hold of the event loop, and on request an hour of steady load. */
export async function measureFootprint({ plan, progress }: RunDeps): Promise<Results> {
  const store = await startStore()
  const redisUrl = store.redis.url
  const starts: Record<StartName, Start[]> = { server: [], worker: [], textbook: [] }
  for (let round = 1; round <= plan.starts; round++) {
    progress.step(`footprint: start ${round} of ${plan.starts}`, 3 * START_SECONDS)
    for (const role of ['server', 'worker'] as const) {
      const service = await launchService({ role, redisUrl, root: ROOT })
      starts[role].push(await startOf(service, readyUrl(service)))
    }
    const textbook = await launchReceiver(redisUrl)
    starts.textbook.push(await startOf(textbook, `http://127.0.0.1:${textbook.port}/`))
  }
  const [generator, observer] = [startGenerator(), startGenerator()]
  progress.step('footprint: memory under load', REST_SECONDS / 2)
  const peaks = await measurePeaks({ plan, store, generator })
  progress.step('footprint: large bodies', REST_SECONDS / 2)
  const holds = await measureHolds({ plan, store, generator, observer })
  const samples = plan.soakSlice === null ? null : await soak({ plan, store, generator, progress })
  await Promise.all([generator.stop(), observer.stop()])
  await store.stop()
  return footprintResults({ starts, peaks, holds, samples })
}

async function startOf(started: Started, url: string): Promise<Start> {
  const begin = performance.now()
  await untilReady(started, url)
  const seconds = (performance.now() - begin) / 1000
  const cpu = cpuOf(started.pid)
  await pause(SETTLE_MS)
  const memory = memoryOf(started.pid)
  await started.stop()
  return { cpu, seconds, memory }
}
