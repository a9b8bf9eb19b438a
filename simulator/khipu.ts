import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { createCourier } from './courier.ts'
import { takeCall } from './desk.ts'
import { createJournal, type Call, type SentCallback } from './journal.ts'
import { addPeepholes } from './peepholes.ts'
import { defaultSettings, type Settings } from './settings.ts'

/** A running pretend Khipu; `calls` and `callbacks` grow while it runs. */
export interface Khipu {
  readonly url: string
  readonly port: number
  readonly calls: readonly Call[]
  readonly callbacks: readonly SentCallback[]
  /** The bytes of a callback by its number. */
  bodyOf(number: number): Buffer | undefined
  /** Forgets calls, callbacks and attempts, and cancels the callbacks not sent yet. */
  reset(): void
  /** Stops listening, drops open connections and cancels what has not been sent. */
  close(): Promise<void>
}

/** Starts a pretend Khipu; rejects where the address can't be listened on. */
export async function startKhipu(settings: Partial<Settings> = {}): Promise<Khipu> {
  const complete = { ...defaultSettings, ...settings }
  const journal = createJournal(complete.keep)
  const courier = createCourier(complete, journal)
  const app = fastify({ forceCloseConnections: true })
  const reset = () => {
    courier.cancel()
    journal.clear()
  }
  takeAnyBody(app)
  app.post('/v1/*', (request, reply) =>
    takeCall({ settings: complete, journal, courier }, request, reply)
  )
  addPeepholes(app, journal, reset)
  await app.listen({ host: complete.host, port: complete.port })

  const { port } = app.server.address() as AddressInfo
  const name = complete.host.includes(':') ? `[${complete.host}]` : complete.host
  return {
    url: `http://${name}:${port}`,
    port,
    calls: journal.calls,
    callbacks: journal.callbacks,
    bodyOf: (number) => journal.bodyOf(number),
    reset,
    async close() {
      await Promise.all([courier.close(), app.close()])
    }
  }
}

/** The desk reads the bytes itself: it answers what is not JSON as Khipu does. */
function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}
