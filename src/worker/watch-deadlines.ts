import type { Logger } from 'pino'
import type { Catalog } from '../ledger/queries.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'
import { everySecond } from './every-second.ts'

export interface WatchDeadlinesDeps {
  readonly catalog: Pick<Catalog, 'passedDeadlines'>
  readonly jobs: Pick<RequestJobs, 'ensure'>
  readonly log: Logger
}

/**
 * Looks every second for deadlines that have passed, and enqueues them. Every worker does so: a job that is there
 * already is not added again. Returns what stops it.
 */
export function watchDeadlines(deps: WatchDeadlinesDeps): () => Promise<void> {
  let passed = 0
  return everySecond(
    async () => {
      const from = passed
      passed = 0
      passed = await enqueuePassed(deps, from)
    },
    (error) => deps.log.error({ error: error.name }, 'deadlines not found')
  )
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
