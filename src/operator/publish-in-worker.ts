import type { AdvanceDeps, Jobs } from '../ledger/advance.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'

/** The dependencies with which operator calls change requests. */
export interface PublishInWorkerDeps extends AdvanceDeps {
  readonly jobs: Jobs & Pick<RequestJobs, 'publishLater'>
}

/**
 * Returns the same dependencies, but leaves the publication of a result with a body to a worker. A body may end the
 * process that publishes it, and that must not be the process of the listener. A result without a body is published at
 * once; so is the extra result of a late callback, by the call that accepts it.
 */
export function publishInWorker<Deps extends PublishInWorkerDeps>(deps: Deps): Deps {
  const { ledger, jobs } = deps
  const publish: Jobs['publish'] = async (request, open) => {
    const { requestId, response } = request
    if (response === null) return jobs.publish(request, open)
    // A result that is set aside waits for a retry by an operator. A change of its request does not publish it.
    if (!(await ledger.isSetAside(requestId))) await jobs.publishLater(requestId)
    return false
  }
  return { ...deps, jobs: { ...jobs, publish } }
}
