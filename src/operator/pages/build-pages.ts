import type { FastifyInstance } from 'fastify'
import { buildFrame } from './build-frame.ts'
import { logInRoutes } from './log-in/log-in-routes.ts'
import { liveEvents } from './live-events.ts'
import type { PagesSettings } from './pages-deps.ts'
import { auditScreen } from './screens/audit-screen.ts'
import { bulkScreen } from './screens/bulk/bulk-screen.ts'
import { entryActions } from './screens/entry-actions.ts'
import { entryScreen } from './screens/entry-screen.ts'
import { operationsScreen } from './screens/bulk/operations-screen.ts'
import { overviewScreen } from './screens/overview-screen.ts'
import { parkedScreen } from './screens/parked-screen.ts'
import { quarantineScreen } from './screens/quarantine-screen.ts'
import { requestsScreen } from './screens/requests-screen.ts'
import { storyActions } from './screens/story-actions.ts'
import { storyScreen } from './screens/story-screen.ts'
import { staticFiles } from './static-files.ts'

const SCREENS = [
  staticFiles,
  logInRoutes,
  overviewScreen,
  requestsScreen,
  storyScreen,
  storyActions,
  parkedScreen,
  quarantineScreen,
  entryScreen,
  entryActions,
  bulkScreen,
  operationsScreen,
  auditScreen,
  liveEvents
]

/** Builds the server of the service's own pages. */
export function buildPages(settings: PagesSettings): Promise<FastifyInstance> {
  return buildFrame(settings, SCREENS)
}
