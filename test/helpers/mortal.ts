import type { Test } from 'tap'
import { connectTo, jobsOf, openParts, type Service } from './service.ts'

/** Dies at the how-manieth of its commands: before that reaches Redis, or after, when no reply comes back. */
export interface Death {
  readonly at: number
  readonly side: 'before' | 'after'
}

/** A service beside another, in the same ledger and queues, on a connection that can die. */
export interface Mortal {
  readonly service: Service
  /**
   * Does something until it is done, or dead; true where it died. What is dead hears and says nothing more,
   * and the signal lets go of whoever waits for its answer. The jobs are those of this life: how many results
   * are being published at once is known to the process alone.
   */
  live(
    death: Death,
    task: (signal: AbortSignal, jobs: Service['jobs']) => Promise<unknown>
  ): Promise<boolean>
}

/** Opens a mortal twin of a service. It may die many times. */
export async function openMortal(t: Test, service: Service): Promise<Mortal> {
  const { url, lines, log, ledgerSettings, queuePrefix } = service
  const redis = await connectTo(url, log)
  const twin = await openParts(redis, queuePrefix, log, ledgerSettings)
  t.teardown(() => redis.disconnect())

  let life: Life | null = null
  const pass = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) =>
    life === null ? pass(command, stream) : life.send(() => pass(command, stream))
  return {
    service: { ...twin, url, lines },
    async live(death, task) {
      const waiting = new AbortController()
      const own = createLife(death)
      life = own
      const ended = task(waiting.signal, jobsOf(twin, log)).then(() => false)
      const isDead = await Promise.race([own.died.then(() => true), ended])
      waiting.abort()
      // What was on its way arrives before the next life begins.
      await service.redis.ping()
      return isDead
    }
  }
}

type Life = ReturnType<typeof createLife>

function createLife({ at, side }: Death) {
  const { promise: died, resolve } = Promise.withResolvers<void>()
  const never = new Promise<never>(() => {})
  let sent = 0
  return {
    died,
    send(pass: () => unknown): unknown {
      sent += 1
      if (sent < at) return pass()
      if (sent > at) return never
      if (side === 'before') resolve()
      else void Promise.resolve(pass()).finally(resolve)
      return never
    }
  }
}
