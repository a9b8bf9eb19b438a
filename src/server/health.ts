import type { FastifyInstance } from 'fastify'
import { type Lookup, unaccounted } from '../ledger/catalog.ts'
import { sum } from '../ledger/merge.ts'
import { refusalOf } from '../queue/connections.ts'
import type { Spool } from '../spool/spool.ts'

export interface HealthDeps {
  /** What rejects a write, or says nothing, does not store. */
  readonly catalog: Pick<Lookup, 'tryWrite' | 'totals' | 'overdueMs'>
  readonly canStore: () => boolean
  /** What is wrong with how Redis is set up. */
  readonly concerns: () => readonly string[]
  /** Where callbacks wait on disk; null where there is no such place. */
  readonly spool: Pick<Spool, 'usage' | 'hasRoom'> | null
  /** The metrics in Prometheus's text format. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
}

/** Health and metrics, without a token: they tell nothing about anybody. */
export async function healthRoutes(app: FastifyInstance, deps: HealthDeps): Promise<void> {
  app.get('/health/live', () => ({ status: 'live' }))

  app.get('/health/ready', async (_request, reply) => {
    // Both at once: of a Redis that hangs each is told only by its time-out.
    const [counted, written] = await Promise.all([
      settled(countRequests(deps)),
      settled(deps.catalog.tryWrite())
    ])
    const requests = counted.value ?? null
    const refusals = [counted, written].flatMap(({ error }) => refusalsOf(error))
    const away = written.error === undefined ? 'ready' : 'away'
    const redis = refusals.length > 0 ? 'refuses' : away
    const room = deps.canStore() ? 'free' : 'none'
    const ready = redis === 'ready' && room === 'free'
    const status = ready ? 'ready' : 'unavailable'
    const spool = deps.spool === null ? undefined : tellOf(deps.spool)
    const others = [...refusals, ...concernsOf(requests), ...concernsOfSpool(spool)]
    const concerns = [...new Set([...deps.concerns(), ...others])]
    return reply.code(ready ? 200 : 503).send({ status, redis, room, concerns, requests, spool })
  })

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await deps.metrics()
    return reply.type(contentType).send(text)
  })
}

interface Settled<T> {
  readonly value?: T
  readonly error?: Error
}

function settled<T>(asked: Promise<T>): Promise<Settled<T>> {
  return asked.then(
    (value) => ({ value }),
    (error: Error) => ({ error })
  )
}

function refusalsOf(error: Error | undefined): string[] {
  if (error?.name !== 'ReplyError') return []
  return [`it refuses what it is asked: ${refusalOf(error) ?? 'for a reason of its own'}`]
}

/** How the books stand: `accepted = ended + live`, and nothing is overdue for long. */
async function countRequests({ catalog }: HealthDeps) {
  const [totals, overdueMs] = await Promise.all([catalog.totals(), catalog.overdueMs()])
  return {
    accepted: totals.accepted,
    ended: sum(Object.values(totals.ended)),
    live: sum(Object.values(totals.live)),
    unaccounted: unaccounted(totals),
    setAside: totals.setAside,
    oldestOverdueSeconds: overdueMs / 1000
  }
}

type Counted = Awaited<ReturnType<typeof countRequests>>

// A process that counts wrong still stores what comes: this is for a person to look into.
function concernsOf(requests: Counted | null): string[] {
  if (requests === null) return []
  const { unaccounted: lost, setAside } = requests
  const miscounted = `the ledger counts ${lost} more requests accepted than ended and live`
  const aside = `${setAside} results are set aside, for to publish one took the process down three times: give the workers more memory, then POST /v1/requests/{id}/retry`
  return [...(lost === 0 ? [] : [miscounted]), ...(setAside === 0 ? [] : [aside])]
}

function tellOf(spool: Pick<Spool, 'usage' | 'hasRoom'>) {
  const { entries, bytes, waitedMs } = spool.usage()
  const room = spool.hasRoom(0) ? 'free' : 'none'
  const oldestSeconds = waitedMs === null ? null : Math.round(waitedMs / 1000)
  return { entries, bytes, oldestSeconds, room }
}

// What comes is stored in Redis all the same, so it stays ready.
function concernsOfSpool(spool: ReturnType<typeof tellOf> | undefined): string[] {
  if (spool?.oldestSeconds !== null) return []
  return [`the disk of SPOOL_DIR can't be read, and ${spool.entries} callbacks wait on it`]
}
