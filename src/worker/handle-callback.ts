import type { Logger } from 'pino'
import { advance, type AdvanceDeps } from '../ledger/advance.ts'
import type { Handled } from '../queue/consume.ts'
import type { JobData } from '../queue/queues.ts'

export interface CallbackDeps extends AdvanceDeps {
  readonly log: Logger
}

/** Acts on what was received for a request. To advance it is enough: that applies the callbacks in hand. */
export async function handleCallback(deps: CallbackDeps, { requestId }: JobData): Promise<Handled> {
  const advanced = await advance(deps, requestId, (request) => request)
  if (advanced !== null) {
    const { state, reason } = advanced.after
    deps.log.info({ requestId, state, reason }, 'callback decided')
  }
  return undefined
}
