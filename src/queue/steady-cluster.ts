import type { Cluster } from 'ioredis'

/**
 * Sees to it that `connect` always settles, of a Cluster and of its duplicates. In ioredis 6.0.0 it does not where
 * nodes answer but call the Cluster down, as in a failover: ioredis then begins anew by itself, and whoever awaits the
 * first attempt waits for ever (redis/ioredis#741). A worker of BullMQ that does so takes no job again.
 */
export function steady(cluster: Cluster): Cluster {
  const { connect, duplicate } = cluster
  cluster.connect = () => {
    const lost = Promise.withResolvers<never>()
    const onClose = () => lost.reject(new Error('The cluster was lost before it was ready'))
    cluster.once('close', onClose)
    return Promise.race([connect.call(cluster), lost.promise]).finally(() =>
      cluster.off('close', onClose)
    )
  }
  cluster.duplicate = (...args) => steady(duplicate.apply(cluster, args))
  return cluster
}
