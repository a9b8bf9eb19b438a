import type { FastifyInstance } from 'fastify'
import { type Lookup, unaccounted } from '../ledger/queries.ts'
import { sum } from '../ledger/merge.ts'
import type { Backlog } from '../delivery/result-sink.ts'
import { refusalOf } from '../redis/refusal.ts'
import type { Spool } from '../spool/spool.ts'

export interface HealthDeps {
  /** What rejects a write, or says nothing, does not store. */
  readonly catalog: Pick<Lookup, 'tryWrite' | 'totals' | 'overdueMs'>
  readonly canStore: () => boolean
  /** True from the signal that ends the process. */
  readonly isStopping: () => boolean
  /** What is wrong with how Redis is set up. */
  readonly concerns: () => readonly string[]
  /** What keeps Redis from being of use though it is there; null where nothing does, or it is away. */
  readonly trouble: () => Promise<'loading' | 'refuses' | null>
  /** What lies on the result queue. */
  readonly backlog: () => Promise<Backlog>
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
    const [counted, written, backlog, trouble] = await Promise.all([
      settled(countRequests(deps)),
      settled(deps.catalog.tryWrite()),
      settled(deps.backlog()),
      deps.trouble()
    ])
    const isLoading = trouble === 'loading' || codeIn(written.error) === 'LOADING'
    if (written.error !== undefined && isLoading) return reply.code(503).send(LOADING)
    const requests = counted.value ?? null
    const refusals = [counted, written, backlog].flatMap(({ error }) => refusalsOf(error))
    const away = written.error === undefined ? 'ready' : (trouble ?? 'away')
    const redis = refusals.length > 0 ? 'refuses' : away
    const room = deps.canStore() ? 'free' : 'none'
    const isStopping = deps.isStopping()
    const ready = redis === 'ready' && room === 'free' && !isStopping
    const status = ready ? 'ready' : 'unavailable'
    const spool = deps.spool === null ? undefined : tellOf(deps.spool)
    const resultQueue = backlog.value === undefined ? null : tellOfBacklog(backlog.value)
    const own = [...concernsOf(requests), ...concernsOfSpool(spool), ...unreadResults(resultQueue)]
    const stopping = isStopping ? ['the process is stopping'] : []
    const others = [...stopping, ...deps.concerns(), ...refusals, ...own]
    const concerns = [...new Set(others)]
    const body = { status, redis, room, concerns, requests, spool, resultQueue }
    return reply.code(ready ? 200 : 503).send(body)
  })

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await deps.metrics()
    return reply.type(contentType).send(text)
  })
}

/** Of a Redis that still reads its files nothing is known, not even what is wrong with it. */
const LOADING = { status: 'unavailable', redis: 'loading', concerns: [] }

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
  return [`it refuses what it is asked: ${codeIn(error) ?? 'for a reason of its own'}`]
}

function codeIn(error: Error | undefined): string | undefined {
  return error && refusalOf(error)
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

function tellOfBacklog({ waiting, failed, oldestMs }: Backlog) {
  return { waiting, failed, oldestSeconds: Math.round(oldestMs / 1000) }
}

/** Longer than a consumer takes to be replaced. */
const UNREAD_AFTER_SECONDS = 600

// Such as with another prefix: it waits for jobs, and sees none.
function unreadResults(resultQueue: ReturnType<typeof tellOfBacklog> | null): string[] {
  if (resultQueue === null || resultQueue.oldestSeconds < UNREAD_AFTER_SECONDS) return []
  return ['results wait unread: see that a consumer runs, with this RESULT_QUEUE and QUEUE_PREFIX']
}
