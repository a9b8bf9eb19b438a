import type { AdvanceDeps, Jobs } from '../ledger/advance.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'

/** What an operator's call changes requests with. */
export interface LeavingDeps extends AdvanceDeps {
  readonly jobs: Jobs & Pick<RequestJobs, 'publishLater'>
}

/**
 * The same dependencies, with which a result that holds a body is published by a worker: a body that kills the process
 * which publishes it must not kill the one that listens. A result without a body is published at once.
 */
export function leaveToWorker<Deps extends LeavingDeps>(deps: Deps): Deps {
  const { ledger, jobs } = deps
  const publish: Jobs['publish'] = async (request, open) => {
    const { requestId, response } = request
    if (response === null) return jobs.publish(request, open)
    // A result that is set aside waits for an operator's retry: to change its request publishes nothing.
    if (!(await ledger.isSetAside(requestId))) await jobs.publishLater(requestId)
    return false
  }
  return { ...deps, jobs: { ...jobs, publish } }
}
