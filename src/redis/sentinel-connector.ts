import { type Redis, SentinelConnector, type SentinelConnectionOptions } from 'ioredis'

type ConnectToSentinel = (endpoint: object, options?: object) => Redis

/**
 * Sends no CLIENT SETINFO to the Sentinels either (`EVERYWHERE` says why). And looks for the master without being
 * disturbed by what listened for a new one on the connection before: told of it in the middle of the search,
 * ioredis 6.0.0 would take that for our own wish to end, and stay away for ever.
 */
export class SteadySentinelConnector extends SentinelConnector {
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
