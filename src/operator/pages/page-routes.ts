import type { FastifyInstance } from 'fastify'
import { atFirstUse } from '../at-first-use.ts'
import type { PagesSettings } from './pages-deps.ts'

/** The paths of the pages. Everything below those with a star is theirs, too. */
const PAGES = [
  '/',
  '/login',
  '/logout',
  '/language',
  '/events',
  '/assets/*',
  '/requests',
  '/requests.csv',
  '/requests/*',
  '/parked',
  '/quarantine',
  '/quarantine/*',
  '/bulk',
  '/operations',
  '/operations/*',
  '/audit',
  '/audit.csv'
]
const QUEUES = ['/queues', '/queues/*']

/**
 * Hands the calls of the pages over to servers of their own, one for the raw queues. Each is loaded and built at its
 * first call, because many processes never show a page.
 */
export async function pageRoutes(app: FastifyInstance, settings: PagesSettings): Promise<void> {
  handOver(app, PAGES, async () => {
    const { buildPages } = await import('./build-pages.ts')
    return buildPages(settings)
  })
  handOver(app, QUEUES, async () => {
    const { buildQueues } = await import('./queue-board.ts')
    return buildQueues(settings)
  })
}

function handOver(
  app: FastifyInstance,
  paths: readonly string[],
  build: () => Promise<FastifyInstance>
): void {
  const onRequest = atFirstUse(app, build)
  for (const url of paths) {
    app.route({ method: ['GET', 'POST'], url, onRequest, handler: () => {} })
  }
}
