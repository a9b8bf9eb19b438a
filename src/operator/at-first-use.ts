import type { FastifyInstance, RouteHandlerMethod } from 'fastify'

/**
 * Makes a handler that passes calls on to another Fastify instance, built at the first call. So its packages take time
 * and memory only where somebody uses them. A Fastify that listens admits no further plugins itself.
 */
export function atFirstUse(
  app: FastifyInstance,
  build: () => Promise<FastifyInstance>
): RouteHandlerMethod {
  let built: Promise<FastifyInstance> | undefined
  app.addHook('onClose', async () => {
    await (await built)?.close()
  })
  return async (request, reply) => {
    built ??= readied(build).catch((error: unknown) => {
      built = undefined
      throw error
    })
    const { routing } = await built
    reply.hijack()
    routing(request.raw, reply.raw)
  }
}

async function readied(build: () => Promise<FastifyInstance>): Promise<FastifyInstance> {
  const app = await build()
  await app.ready()
  return app
}
