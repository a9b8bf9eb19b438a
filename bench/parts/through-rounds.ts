import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Generator } from '../load/run-generator.ts'
import { cpuOf } from '../site/readings.ts'
import { TOKEN } from '../site/service.ts'
import type { Site } from '../site/site.ts'
import type { Store } from '../site/store.ts'

/** One round of requests through the service. CPU seconds are per 1,000 requests. */
export interface Rated {
  readonly rate: number
  readonly server: number
  readonly worker: number
  readonly redis: number
  readonly khipu: number
}

interface RoundDeps {
  readonly store: Store
  readonly generator: Generator
  readonly site: Site
}

/** More requests at once than the worker sends at once. */
const IN_FLIGHT = 50
const LONGEST_SECONDS = 300

/** Posts so many requests and waits for all results; how many there were in a second. */
export async function ratePerSecond(deps: RoundDeps, count: number): Promise<Rated> {
  const { store, generator, site } = deps
  await store.reset()
  const before = cpuNow(deps)
  const start = performance.now()
  await generator.send('POST /v1/requests', {
    port: site.server.adminPort,
    method: 'POST',
    paths: ['/v1/requests'],
    token: TOKEN,
    body: { kind: 'request' },
    ...{ connections: IN_FLIGHT, seconds: LONGEST_SECONDS, count },
    statuses: [202]
  })
  await untilLength(store.client, site.resultList, count)
  const seconds = (performance.now() - start) / 1000
  await store.untilQuiet()
  const after = cpuNow(deps)
  const per1000 = (name: keyof typeof after) => ((after[name] - before[name]) * 1000) / count
  return {
    rate: count / seconds,
    ...{ server: per1000('server'), worker: per1000('worker') },
    ...{ redis: per1000('redis'), khipu: per1000('khipu') }
  }
}

function cpuNow({ store, site }: RoundDeps) {
  return {
    server: cpuOf(site.server.pid),
    worker: cpuOf(site.worker.pid),
    redis: cpuOf(store.redis.pid),
    khipu: cpuOf(site.khipu.pid)
  }
}

const POLL_MS = 5
const PATIENCE_MS = 60_000

/** Waits until a list of jobs is so long; rejects where it does not grow for a minute. */
export async function untilLength(client: Redis, list: string, count: number): Promise<void> {
  let [length, since] = [0, performance.now()]
  for (;;) {
    const now = await client.llen(list)
    if (now >= count) return
    if (now !== length) [length, since] = [now, performance.now()]
    if (performance.now() - since > PATIENCE_MS) {
      throw new Error(`${count} results were expected, and ${now} came`)
    }
    await pause(POLL_MS)
  }
}

/** How long single requests take, one after the other, in ms. */
export async function latenciesAlone({ store, site }: RoundDeps, count: number): Promise<number[]> {
  await store.reset()
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const start = performance.now()
    const answer = await fetch(`http://127.0.0.1:${site.server.adminPort}/v1/requests`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ RequestData: { AccountNumber: `C${randomInt(10 ** 12)}` } })
    })
    if (answer.status !== 202) throw new Error(`POST /v1/requests was answered ${answer.status}`)
    await answer.text()
    const result = await store.client.brpop(site.resultList, 30)
    if (result === null) throw new Error('a request had no result within 30 s')
    times.push(performance.now() - start)
  }
  return times
}
