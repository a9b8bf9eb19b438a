import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Catalog } from '../ledger/queries.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'

export interface WatchDeadlinesDeps {
  readonly catalog: Pick<Catalog, 'passedDeadlines'>
  readonly jobs: Pick<RequestJobs, 'ensure'>
  readonly log: Logger
}

const EVERY_MS = 1_000

/**
 * Looks every second for deadlines that have passed, and enqueues them. Every worker does so: a job that is there
 * already is not added again. Returns what stops it.
 */
export function watchDeadlines(deps: WatchDeadlinesDeps): () => Promise<void> {
  const stop = new AbortController()
  const { signal } = stop
  const watching = (async () => {
    let passed = 0
    let isFailing = false
    while (!signal.aborted) {
      const next = await enqueuePassed(deps, passed).catch((error: Error) => {
        // Logged once, until it succeeds again.
        if (!isFailing) deps.log.error({ error: error.name }, 'deadlines not found')
        return null
      })
      isFailing = next === null
      passed = next ?? 0
      await pause(EVERY_MS, undefined, { signal, ref: false }).catch(() => {})
    }
  })()
  return async () => {
    stop.abort()
    await watching
  }
}

/**
 * Enqueues passed deadlines, among some hundreds of due requests behind the first `passed` ones. Returns how many to
 * pass over the next time.
 */
export async function enqueuePassed(
  { catalog, jobs }: Omit<WatchDeadlinesDeps, 'log'>,
  passed: number
): Promise<number> {
  const { requests, next } = await catalog.passedDeadlines(passed)
  await Promise.all(requests.map((request) => jobs.ensure(request, request.dueAt ?? 0)))
  return next
}
