import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PagesSettings } from './pages-deps.ts'

/** The paths of the pages. Everything below those with a star is theirs, too. */
const PATHS = [
  '/',
  '/login',
  '/logout',
  '/language',
  '/assets/*',
  '/requests',
  '/requests/*',
  '/parked',
  '/quarantine',
  '/quarantine/*',
  '/queues',
  '/queues/*'
]

/**
 * Hands the calls of the pages over to a server of their own. It is loaded and built at the first call, because many
 * processes never show a page.
 */
export async function pageRoutes(app: FastifyInstance, settings: PagesSettings): Promise<void> {
  let pages: Promise<FastifyInstance> | null = null
  const load = async () => {
    pages ??= import('./build-pages.ts').then(({ buildPages }) => buildPages(settings))
    // A failure is not kept: the next call tries again.
    return pages.catch((error: unknown) => {
      pages = null
      throw error
    })
  }
  const handOver = async (request: FastifyRequest, reply: FastifyReply) => {
    const { routing } = await load()
    reply.hijack()
    routing(request.raw, reply.raw)
    return reply
  }
  for (const url of PATHS) {
    app.route({
      method: ['GET', 'POST'],
      url,
      schema: { hide: true },
      onRequest: handOver,
      handler: () => {}
    })
  }
  app.addHook('onClose', async () => (await pages)?.close())
}
