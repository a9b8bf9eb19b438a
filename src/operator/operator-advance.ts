import { type Advance, type AdvanceDeps, createAdvance, type Jobs } from '../ledger/advance.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'

export type OperatorAdvanceDeps = AdvanceDeps & {
  readonly ledger: Pick<Ledger, 'isSetAside'>
  readonly jobs: Pick<RequestJobs, 'publishLater'>
}

/**
 * Makes the `advance` of operator calls. It leaves the publication of a result with a body to a worker. A body may end
 * the process that publishes it, and that must not be the process of the listener. A result without a body is published
 * at once; so is the extra result of a late callback, by the call that accepts it.
 */
export function createOperatorAdvance(deps: OperatorAdvanceDeps): Advance {
  const { ledger, jobs } = deps
  const publish: Jobs['publish'] = async (request, open) => {
    const { requestId, response } = request
    if (response === null) return jobs.publish(request, open)
    // A result that is set aside waits for a retry by an operator. A change of its request does not publish it.
    if (!(await ledger.isSetAside(requestId))) await jobs.publishLater(requestId)
    return false
  }
  return createAdvance({ ...deps, jobs: { ...jobs, publish } }, { withBodies: false })
}
