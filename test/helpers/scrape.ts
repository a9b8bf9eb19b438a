import { createMetrics } from '../../src/app/metrics.ts'
import { groupOf } from '../../src/core/groups/group.ts'
import { STATES } from '../../src/core/request.ts'
import { awaiting, IN_STATE, SERVICE, START } from './given.ts'

/** What a process gives to Prometheus once something of everything has happened to it. */
export async function scrapeOfAll(): Promise<string> {
  const counts = Object.fromEntries(STATES.map((state) => [state, 1])) as never
  const metrics = createMetrics({
    version: '1',
    filled: () => 0,
    authorizationExpiresAt: START,
    spool: { usage: () => ({ entries: 0, bytes: 0, waitedMs: null, unopened: 0 }) },
    catalog: {
      totals: async () => ({ accepted: 8, ended: counts, live: counts, setAside: 0 }),
      overdueMs: async () => 0,
      sizes: async () => [{ name: groupOf(IN_STATE.parked), count: 1, oldestAt: START }],
      now: async () => Date.now()
    },
    quarantine: { usage: async () => ({ entries: 0, bytes: 0, filled: 0, evicted: 0 }) },
    backlog: async () => ({ waiting: 0, failed: 0, oldestMs: 0 }),
    queues: { counts: async () => [{ queue: 'send', state: 'waiting', count: 0 }] }
  })
  metrics.callback('accepted', 5, 700)
  metrics.accepted(SERVICE)
  metrics.sent('acknowledged', SERVICE, 80)
  metrics.changed({ before: awaiting(), after: IN_STATE.delivered, kept: new Map() })
  metrics.quarantined('schema')
  metrics.deviated([{ path: '/Data/Transaction/0/Amount', rule: 'type' }])
  metrics.swept(20)
  metrics.recovered('request')
  metrics.strays(1)
  const items = { done: 1, refused: 0, skipped: 0 }
  metrics.operated('release', { items, canaries: ['goes'] })
  metrics.operatorCall('GET /v1/requests', 200, 3)
  metrics.unauthorized('no-token')
  metrics.dropped('public')
  return (await metrics.render()).text
}
