import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { createCallbackSender } from './callback-sender.ts'
import { handleCall } from './handle-call.ts'
import { createHistory, type Call, type SentCallback } from './history.ts'
import { addInspectionRoutes } from './inspection-routes.ts'
import { defaultSettings, type Settings } from './settings.ts'

/** A running simulated Khipu; `calls` and `callbacks` grow while it runs. */
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

/** Starts a simulated Khipu; rejects where the address can't be listened on. */
export async function startKhipu(settings: Partial<Settings> = {}): Promise<Khipu> {
  const complete = { ...defaultSettings, ...settings }
  const history = createHistory(complete.keep)
  const sender = createCallbackSender(complete, history)
  const app = fastify({ forceCloseConnections: true })
  const reset = () => {
    sender.cancel()
    history.clear()
  }
  takeAnyBody(app)
  app.post('/v1/*', (request, reply) =>
    handleCall({ settings: complete, history, sender }, request, reply)
  )
  addInspectionRoutes(app, history, reset)
  await app.listen({ host: complete.host, port: complete.port })

  const { port } = app.server.address() as AddressInfo
  const name = complete.host.includes(':') ? `[${complete.host}]` : complete.host
  return {
    url: `http://${name}:${port}`,
    port,
    calls: history.calls,
    callbacks: history.callbacks,
    bodyOf: (number) => history.bodyOf(number),
    reset,
    async close() {
      await Promise.all([sender.close(), app.close()])
    }
  }
}

/** handleCall gets bytes: it answers a body that is not JSON as Khipu does. */
function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}
