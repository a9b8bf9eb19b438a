import { SentinelConnector, type SentinelConnectionOptions } from 'ioredis'

/**
 * Looks for the master without being disturbed by what listened for a new one on the connection before: told
 * of it in the middle of the search, ioredis 6.0.0 would take that for our own wish to end, and stay away for ever.
 */
export class SteadySentinelConnector extends SentinelConnector {
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions)
  }

  override connect(...args: Parameters<SentinelConnector['connect']>) {
    // It is private to ioredis; `null` before the first connection.
    const listener = Reflect.get(this, 'failoverDetector') as { cleanup(): void } | null
    listener?.cleanup()
    return super.connect(...args)
  }
}
