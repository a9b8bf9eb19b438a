import type { BodyKind } from '../load/bodies.ts'
import type { Generator } from '../load/run-generator.ts'
import type { Plan } from '../plan.ts'
import { callbackPath, createRequests, openBenchLedger } from '../site/fill.ts'
import { ROOT } from '../site/processes.ts'
import { cpuOf } from '../site/readings.ts'
import { type Service, startService } from '../site/service.ts'
import type { Store } from '../site/store.ts'

/** What one kind of body does to the other calls of a server. */
export interface Hold {
  readonly body: string
  /** The longest answer of `GET /health/live` meanwhile, in ms. */
  readonly ms: number
  /** CPU seconds for one body. */
  readonly cpu: number
  readonly statuses: string
}

interface HoldDeps {
  readonly plan: Plan
  readonly store: Store
  readonly generator: Generator
  /** Another generator, which asks whether the server lives. */
  readonly observer: Generator
}

const BODIES = 3
/** A little less than BODY_LIMIT. */
const BYTES = 10_000_000

const SHAPES: readonly [name: string, BodyKind, always: boolean][] = [
  ['1 KB, transactions', { kind: 'callback', bytes: 1_000 }, true],
  ['1 MB, transactions', { kind: 'callback', bytes: 1_000_000 }, false],
  ['10 MB, transactions', { kind: 'callback', bytes: BYTES }, true],
  ['10 MB of `[]`', { kind: 'empty lists', bytes: BYTES }, true],
  ['10 MB of lists in lists', { kind: 'nested lists', bytes: BYTES }, false],
  ['10 MB of distinct keys', { kind: 'distinct keys', bytes: BYTES }, false],
  ['10 MB of long numbers', { kind: 'long numbers', bytes: BYTES }, false],
  ['10 MB of `{}` behind `1e5`', { kind: 'exponents', bytes: BYTES }, false]
]

/** Posts large bodies of several shapes and looks how long the server leaves another caller without an answer. */
export async function measureHolds(deps: HoldDeps): Promise<Hold[]> {
  const { plan, store } = deps
  await store.reset()
  const redisUrl = store.redis.url
  const service = await startService({ role: 'server', redisUrl, root: ROOT })
  const ledger = await openBenchLedger(redisUrl)
  const holds: Hold[] = []
  for (const [name, kind] of SHAPES.filter(([, , always]) => always || plan.allShapes)) {
    const ids = await createRequests(ledger, BODIES, false)
    holds.push({ body: name, ...(await holdOf(deps, service, kind, ids.map(callbackPath))) })
  }
  await ledger.close()
  await service.stop()
  return holds
}

async function holdOf(
  { generator, observer }: HoldDeps,
  { pid, port, adminPort }: Service,
  body: BodyKind,
  paths: readonly string[]
): Promise<Omit<Hold, 'body'>> {
  const before = cpuOf(pid)
  let isDone = false
  const posting = generator
    .send('service', {
      ...{ port, method: 'POST', paths, body },
      ...{ connections: 1, seconds: 120, statuses: [] }
    })
    .finally(() => (isDone = true))
  let ms = 0
  // The observer can't be told when to end, so it looks in short turns.
  do {
    const { most } = await observer.send('health', {
      ...{ port: adminPort, method: 'GET', paths: ['/health/live'], body: { kind: 'none' } },
      ...{ connections: 1, seconds: 0.3, perSecond: 200, statuses: [200] }
    })
    ms = Math.max(ms, most)
  } while (!isDone)
  const { statuses, count } = await posting
  const answered = Object.entries(statuses).map(([status, times]) => `${times} × ${status}`)
  return { ms, cpu: (cpuOf(pid) - before) / count, statuses: answered.join(', ') }
}
