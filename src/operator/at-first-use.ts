import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/**
 * Makes what passes calls on to another Fastify instance, built at the first call: a handler, or a hook where the other
 * instance reads the body. So its packages take time and memory only where somebody uses them. A Fastify that listens
 * admits no further plugins itself. The next call tries again where building has failed.
 */
export function atFirstUse(
  app: FastifyInstance,
  build: () => Promise<FastifyInstance>
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  let built: Promise<FastifyInstance> | undefined
  // Before the listener waits for its connections: the other instance may hold some of them open.
  app.addHook('preClose', async () => (await built)?.close())
  return async (request, reply) => {
    built ??= readied(build).catch((error: unknown) => {
      built = undefined
      throw error
    })
    const { routing } = await built
    reply.hijack()
    routing(request.raw, reply.raw)
    return reply
  }
}

async function readied(build: () => Promise<FastifyInstance>): Promise<FastifyInstance> {
  const app = await build()
  await app.ready()
  return app
}
