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

/**
 * For a Cluster without an offline queue. Counts the time-out of a command from when it is asked for, not from when
 * a node was found for it, which may take many times as long. And refuses pipelines: of one whose slot has no master
 * known ioredis 6.0.0 may send nothing and yet wait for some of the replies, so that from then on every reply of a
 * living master goes to another command.
 */
export function failingFast(cluster: Cluster, commandTimeoutMs: number): Cluster {
  const { sendCommand } = cluster
  const refuse = () => {
    throw new Error('No pipeline on a Cluster: what belongs together is a script')
  }
  return Object.assign(cluster, {
    sendCommand(...[command, ...rest]: Parameters<typeof sendCommand>) {
      command.setTimeout(commandTimeoutMs)
      return sendCommand.call(cluster, command, ...rest)
    },
    pipeline: refuse,
    multi: refuse
  })
}
