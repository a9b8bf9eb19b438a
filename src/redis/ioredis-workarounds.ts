import {
  type Cluster,
  type Redis,
  type SentinelConnectionOptions,
  SentinelConnector
} from 'ioredis'

// Everything here changes what ioredis 6.0.0 does by itself. Each part names the upstream issue, or the smallest case
// that shows the fault, and is removed once ioredis no longer needs it.

/**
 * Makes `connect` of a Cluster and of its duplicates always settle (redis/ioredis#741).
 *
 * Case: nodes answer, but say that the Cluster is down, as in a failover. ioredis then reconnects by itself, and the
 * promise of the first attempt never settles. A BullMQ worker that awaits it takes no job again.
 */
export function settleConnect(cluster: Cluster): Cluster {
  const { connect, duplicate } = cluster
  cluster.connect = () => {
    const lost = Promise.withResolvers<never>()
    const onClose = () => lost.reject(new Error('The cluster was lost before it was ready'))
    cluster.once('close', onClose)
    return Promise.race([connect.call(cluster), lost.promise]).finally(() =>
      cluster.off('close', onClose)
    )
  }
  cluster.duplicate = (...args) => settleConnect(duplicate.apply(cluster, args))
  return cluster
}

/**
 * For a Cluster without an offline queue: starts the time-out of a command when it is called, and refuses pipelines.
 *
 * Case 1: no node is known for a command. ioredis starts its time-out once a node was found, which may take many times
 * as long. Case 2: a pipeline for a slot without a primary. ioredis may send nothing and yet wait for some of the
 * replies, so that from then on every reply of a living primary goes to another command.
 */
export function failFast(cluster: Cluster, commandTimeoutMs: number): Cluster {
  const { sendCommand } = cluster
  const refuse = () => {
    throw new Error('No pipelines on a Cluster: use a script')
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

type ConnectToSentinel = (endpoint: object, options?: object) => Redis

/**
 * Sends no CLIENT SETINFO to the Sentinels, and stops listening for failovers while it looks for the primary.
 *
 * Case 1: a Sentinel user without that right has a denial in the ACL log for each connection; `disableClientInfo` is
 * not passed on to Sentinels. Case 2: a failover is announced while a connection is being made. The listener of the
 * connection before disconnects, which ioredis takes for a wish of ours, and it never connects again.
 */
export class WorkingSentinelConnector extends SentinelConnector {
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions)
    // It is private to ioredis, and passes on a choice of our options: not this one.
    const connectTo = Reflect.get(this, 'connectToSentinel') as ConnectToSentinel
    const quietly: ConnectToSentinel = (endpoint, more) =>
      connectTo.call(this, endpoint, { ...more, disableClientInfo: true })
    Reflect.set(this, 'connectToSentinel', quietly)
  }

  override connect(...args: Parameters<SentinelConnector['connect']>) {
    // It is private to ioredis; `null` before the first connection.
    const listener = Reflect.get(this, 'failoverDetector') as { cleanup(): void } | null
    listener?.cleanup()
    return super.connect(...args)
  }
}
