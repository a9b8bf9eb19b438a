import type { Replicas } from '../redis/replicas.ts'
import type { Jobs } from './advance.ts'

/**
 * What has been published is marked as such, and its body shredded, only once the replicas have the result: a
 * new master could have the mark and not the result.
 */
export function publishSafely<J extends Pick<Jobs, 'publish'>>(jobs: J, replicas: Replicas): J {
  return {
    ...jobs,
    publish: (request, open) => replicas.reached(() => jobs.publish(request, open))
  }
}
