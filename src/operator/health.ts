import type { FastifyInstance } from 'fastify'
import type { Lookup } from '../ledger/queries.ts'
import type { Backlog } from '../delivery/result-sink.ts'
import { refusalOf } from '../redis/refusal.ts'
import type { Spool } from '../spool/spool.ts'
import type { Accounting, Readiness, SpoolUsage } from '../schemas/generated.ts'
import { accountingOf, backlogOf } from './accounting.ts'
import { metricsRoute, type RenderMetrics } from './metrics/metrics-listener.ts'
import { LIVE_SCHEMA, READY_SCHEMA } from './openapi/health-schemas.ts'

export interface HealthDeps {
  /** `tryWrite` shows whether Redis stores writes. It fails where Redis rejects a write or does not answer. */
  readonly catalog: Pick<Lookup, 'tryWrite' | 'totals' | 'overdueMs'>
  readonly canStore: () => boolean
  /** True after the signal that stops the process. */
  readonly isStopping: () => boolean
  /** Warnings about the configuration of Redis. */
  readonly concerns: () => readonly string[]
  /** Why a reachable Redis is unusable; null where it is usable or away. */
  readonly trouble: () => Promise<'loading' | 'refuses' | null>
  /** The backlog of the result queue: its waiting and its failed jobs. */
  readonly backlog: () => Promise<Backlog>
  /** The spool for callbacks on disk; null where the process has none. */
  readonly spool: Pick<Spool, 'usage' | 'hasRoom'> | null
  /** The metrics in Prometheus's text format; null where they have a listener of their own. */
  readonly metrics: RenderMetrics | null
}

/** Health and metrics. They need no token, because they reveal nothing about any person. */
export async function healthRoutes(app: FastifyInstance, deps: HealthDeps): Promise<void> {
  app.get('/health/live', { schema: LIVE_SCHEMA }, () => ({ status: 'live' }))

  app.get('/health/ready', { schema: READY_SCHEMA }, async (_request, reply) => {
    // All at once, because each question to a hanging Redis ends only with its timeout.
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
    const resultQueue = backlog.value === undefined ? null : backlogOf(backlog.value)
    const own = [...concernsOf(requests), ...concernsOfSpool(spool), ...unreadResults(resultQueue)]
    const stopping = isStopping ? ['the process is stopping'] : []
    const others = [...stopping, ...deps.concerns(), ...refusals, ...own]
    const concerns = [...new Set(others)]
    const body: Sent<Readiness> = { status, redis, room, concerns, requests, spool, resultQueue }
    return reply.code(ready ? 200 : 503).send(body)
  })

  if (deps.metrics !== null) metricsRoute(app, deps.metrics)
}

/** The answer while Redis loads its files. Nothing else is known then, not even warnings. */
const LOADING: Readiness = { status: 'unavailable', redis: 'loading', concerns: [] }

/** JSON leaves out a key whose value is undefined. */
type Sent<T> = { [Key in keyof T]: T[Key] | undefined }

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

async function countRequests({ catalog }: HealthDeps): Promise<Accounting> {
  return accountingOf(...(await Promise.all([catalog.totals(), catalog.overdueMs()])))
}

// A violated invariant is a warning and leaves the process ready, because it still stores callbacks. An operator should
// investigate it.
function concernsOf(requests: Accounting | null): string[] {
  if (requests === null) return []
  const { unaccounted: lost, setAside } = requests
  const miscounted = `the ledger counts ${lost} more requests accepted than ended and live`
  const aside = `${setAside} results are set aside, because publishing each of them ended the process three times: give the workers more memory, then POST /v1/requests/{id}/retry`
  return [...(lost === 0 ? [] : [miscounted]), ...(setAside === 0 ? [] : [aside])]
}

function tellOf(spool: Pick<Spool, 'usage' | 'hasRoom'>) {
  const { entries, bytes, waitedMs } = spool.usage()
  const room: SpoolUsage['room'] = spool.hasRoom(0) ? 'free' : 'none'
  const oldestSeconds = waitedMs === null ? null : Math.round(waitedMs / 1000)
  return { entries, bytes, oldestSeconds, room }
}

// An unreadable disk leaves the process ready, because Redis still stores callbacks.
function concernsOfSpool(spool: ReturnType<typeof tellOf> | undefined): string[] {
  if (spool?.oldestSeconds !== null) return []
  return [`the disk of SPOOL_DIR can't be read, and ${spool.entries} callbacks wait on it`]
}

/** Longer than the replacement of a consumer takes. */
const UNREAD_AFTER_SECONDS = 600

// A consumer with another prefix is one cause: it runs, but sees no jobs.
function unreadResults(resultQueue: ReturnType<typeof backlogOf> | null): string[] {
  if (resultQueue === null || resultQueue.oldestSeconds < UNREAD_AFTER_SECONDS) return []
  return ['results wait unread: see that a consumer runs, with this RESULT_QUEUE and QUEUE_PREFIX']
}
