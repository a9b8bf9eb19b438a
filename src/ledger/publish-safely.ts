import type { Replicas } from '../redis/replicas.ts'
import type { Jobs } from './advance.ts'

/**
 * Waits for the replicas before a result counts as published and its body is deleted. Otherwise a new primary could
 * have the mark without the result.
 */
export function publishSafely<J extends Pick<Jobs, 'publish'>>(jobs: J, replicas: Replicas): J {
  return {
    ...jobs,
    publish: (request, open) => replicas.reached(() => jobs.publish(request, open))
  }
}
