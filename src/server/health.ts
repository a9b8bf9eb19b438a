import type { FastifyInstance } from 'fastify'

export interface HealthDeps {
  /** Throws, or rejects, where the store does not answer. */
  readonly ping: () => Promise<unknown>
  readonly canStore: () => boolean
  /** What is wrong with how Redis is set up. */
  readonly concerns: () => readonly string[]
  /** The metrics in Prometheus's text format. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
}

/** Health and metrics, without a token: they tell nothing about anybody. */
export async function healthRoutes(app: FastifyInstance, deps: HealthDeps): Promise<void> {
  app.get('/health/live', () => ({ status: 'live' }))

  app.get('/health/ready', async (_request, reply) => {
    const redis = await deps.ping().then(
      () => 'ready',
      () => 'away'
    )
    const room = deps.canStore() ? 'free' : 'none'
    const ready = redis === 'ready' && room === 'free'
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'unavailable', redis, room, concerns: deps.concerns() })
  })

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await deps.metrics()
    return reply.type(contentType).send(text)
  })
}
