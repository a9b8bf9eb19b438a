import type { Logger } from 'pino'
import type { Advance } from '../ledger/advance.ts'
import type { Handled } from '../queue/consume.ts'
import type { JobData } from '../queue/queues.ts'

export interface CallbackDeps {
  readonly advance: Advance
  readonly log: Logger
}

/** Applies the received callbacks of a request. `advance` does so before any step. */
export async function handleCallback(deps: CallbackDeps, { requestId }: JobData): Promise<Handled> {
  const advanced = await deps.advance(requestId, (request) => request)
  if (advanced !== null) {
    const { state, reason } = advanced.after
    deps.log.info({ requestId, state, reason }, 'callback decided')
  }
  return undefined
}
