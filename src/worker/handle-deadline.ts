import type { Logger } from 'pino'
import { applyDeadline } from '../core/transitions/on-deadline.ts'
import type { Advance } from '../ledger/advance.ts'
import type { Handled } from '../queue/consume.ts'
import type { JobData } from '../queue/queues.ts'
import { sleepIfEarly } from './handle-send.ts'

export interface DeadlineDeps {
  readonly advance: Advance
  /** True while callbacks may still wait on disk: then silence proves nothing. Absent without a spool. */
  readonly callbacksWait?: (() => boolean) | undefined
  readonly log: Logger
}

const UNTIL_THEY_ARE_STORED_MS = 1_000

/** Applies a deadline that passed without a callback or a notification. */
export async function handleDeadline(deps: DeadlineDeps, job: JobData): Promise<Handled> {
  const { requestId } = job
  if (deps.callbacksWait?.() === true) return { sleepMs: UNTIL_THEY_ARE_STORED_MS }
  const advanced = await deps.advance(requestId, applyDeadline)
  if (advanced === null) return undefined
  if (advanced.after !== advanced.before) {
    const { state, reason } = advanced.after
    deps.log.info({ requestId, state, reason }, 'deadline passed')
  }
  return sleepIfEarly(advanced, job)
}
