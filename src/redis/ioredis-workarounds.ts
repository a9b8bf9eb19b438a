import type { Socket } from 'node:net'
import {
  type Cluster,
  type Redis,
  type SentinelConnectionOptions,
  SentinelConnector
} from 'ioredis'

// This file overrides internals of ioredis 6.0.0. Each workaround names the upstream issue, or the smallest case that
// shows the fault. Remove a workaround once ioredis no longer needs it.

/**
 * Makes `connect` of a Cluster and of its duplicates always settle (redis/ioredis#741).
 *
 * Case: the nodes answer that the Cluster is down, as in a failover. Then ioredis reconnects by itself, but the promise
 * of the first attempt never settles. A BullMQ worker that awaits this promise never takes a job again.
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
 * For a Cluster without an offline queue: starts the timeout of a command when it is called, and refuses pipelines.
 *
 * Case 1: no node is known for a command. ioredis starts the timeout only after it has found a node. That may take many
 * times as long as the timeout.
 *
 * Case 2: a pipeline for a slot without a primary. ioredis may send nothing and yet wait for some of the replies. From
 * then on every reply of a working primary goes to the wrong command.
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

/**
 * Sends the commands of one turn of the event loop in one packet, at the end of that turn.
 *
 * Case: 50 callbacks arrive together. ioredis writes the commands of each to the socket at once, which is a system call
 * and a packet each. A third of the intake's CPU time goes there.
 */
export function sendTogether(redis: Redis): Redis {
  redis.on('connect', () => {
    // `stream` is private to ioredis. Each connection has a new one.
    const stream = Reflect.get(redis, 'stream') as Socket
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
    let isCorked = false
    const uncork = () => {
      isCorked = false
      stream.uncork()
    }
    const writeLater = (...args: unknown[]) => {
      if (!isCorked) {
        isCorked = true
        stream.cork()
        process.nextTick(uncork)
      }
      return write(...args)
    }
    Reflect.set(stream, 'write', writeLater)
  })
  return redis
}

type ConnectToSentinel = (endpoint: object, options?: object) => Redis

/**
 * Sends no CLIENT SETINFO to the Sentinels, and ignores failovers while it looks for the primary.
 *
 * Case 1: a Sentinel user has no right to CLIENT SETINFO. Each connection leaves a denial in the ACL log, because
 * ioredis does not pass `disableClientInfo` on to Sentinels.
 *
 * Case 2: a failover is announced while ioredis connects. The failover listener of the previous connection disconnects.
 * ioredis treats that as a disconnect by the application, and never connects again.
 */
export class WorkingSentinelConnector extends SentinelConnector {
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions)
    // `connectToSentinel` is private to ioredis. It passes on some options, but not `disableClientInfo`.
    const connectTo = Reflect.get(this, 'connectToSentinel') as ConnectToSentinel
    const quietly: ConnectToSentinel = (endpoint, more) =>
      connectTo.call(this, endpoint, { ...more, disableClientInfo: true })
    Reflect.set(this, 'connectToSentinel', quietly)
  }

  override connect(...args: Parameters<SentinelConnector['connect']>) {
    // `failoverDetector` is private to ioredis. It is null before the first connection.
    const listener = Reflect.get(this, 'failoverDetector') as { cleanup(): void } | null
    listener?.cleanup()
    return super.connect(...args)
  }
}
