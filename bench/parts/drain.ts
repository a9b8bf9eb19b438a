import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { bodyOf } from '../load/bodies.ts'
import type { Generator } from '../load/run-generator.ts'
import { callbackPath, type Ledger } from '../site/fill.ts'
import type { Site } from '../site/site.ts'
import type { Store } from '../site/store.ts'
import { createAwaiting } from '../site/walk.ts'
import { untilLength } from './through-rounds.ts'

/** Lets a worker do a number of jobs that wait already. */
export interface Drain {
  /** Jobs done in a second, from the instant at which the worker may begin. */
  run(): Promise<number>
  close(): Promise<void>
}

interface OursDeps {
  readonly store: Store
  readonly generator: Generator
  readonly site: Site
  readonly ledger: Ledger
}

const BYTES = 1_000

/** From stored callbacks to results on the queue, by the service's worker. */
export function drainCallbacks(deps: OursDeps, count: number): Drain {
  const { store, generator, site, ledger } = deps
  const { callback } = ledger.queues.of('')
  return {
    async run() {
      await store.reset()
      await callback.pause()
      const ids = await createAwaiting(ledger, count)
      await generator.send('service', {
        port: site.server.port,
        method: 'POST',
        paths: ids.map(callbackPath),
        body: { kind: 'callback', bytes: BYTES },
        ...{ connections: 20, seconds: 60, statuses: [200] }
      })
      const start = performance.now()
      await callback.resume()
      await untilLength(store.client, site.resultList, count)
      return (count * 1000) / (performance.now() - start)
    },
    close: async () => {}
  }
}

/** The same bodies, from one BullMQ queue to another, by a worker that does nothing else. */
export function drainBare(store: Store, connection: Redis, count: number): Drain {
  const [from, to] = [new Queue('bare', { connection }), new Queue('bare-results', { connection })]
  return {
    async run() {
      await store.reset()
      await from.pause()
      await from.addBulk(Array.from({ length: count }, () => ({ name: 'move', data: newData() })))
      const start = performance.now()
      await from.resume()
      await untilLength(store.client, to.toKey('wait'), count)
      return (count * 1000) / (performance.now() - start)
    },
    async close() {
      await Promise.all([from.close(), to.close()])
    }
  }
}

const body = bodyOf({ kind: 'callback', bytes: BYTES })

function newData(): unknown {
  return JSON.parse(body.head + body.newId() + body.tail.toString())
}
