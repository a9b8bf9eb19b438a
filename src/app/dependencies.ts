import type { Logger } from 'pino'
import type { Config } from '../config/read-config.ts'
import { createCapabilities } from '../crypto/callback-token.ts'
import { type Connection, connectFailingFast, connectForBodies } from '../redis/connect.ts'
import { watchDatabase } from '../redis/required-database.ts'
import { createMetrics } from './metrics.ts'
import type { Spool } from '../spool/spool.ts'
import { buildParts, type PartsCounts } from './ledger-parts.ts'
import type { BodyThread } from './body-thread-pool.ts'
import { readVersion } from './version.ts'

export type Shared = ReturnType<typeof buildShared>

/**
 * The dependencies that all roles of a process share. They use the connection of the listeners, which fails fast: no
 * HTTP caller waits until Redis returns.
 */
export function buildShared(
  config: Config,
  spool: Spool | null,
  { compose, examine, seal, review, show }: Omit<BodyThread, 'classify' | 'close'>,
  log: Logger
) {
  const counts = countsBy(() => metrics)
  const build: Build = (redis, to) => buildParts(config, redis, to, compose, counts)
  const { redis, parts, large, closeConnections } = connectListeners(config, build, log)
  const refusedDatabase = watchDatabase(redis)
  const capacity = parts.watchCapacity()
  const version = readVersion()
  const metrics = createMetrics({ ...parts, spool, filled: capacity.filled, version })
  let isStopping = false
  const { fits, isFit } = watchFit(parts)
  return {
    ...parts,
    version,
    spool,
    metrics,
    capabilities: createCapabilities(config.secretKeys),
    examine,
    seal,
    review,
    show,
    writers: { small: parts, large },
    capacity,
    fits,
    // Where the ledger is set up otherwise, valid callbacks would be refused as unknown.
    canStore: () => isFit() && capacity.canStore(),
    /** Warnings about the configuration of Redis. */
    concerns: () => [refusedDatabase() ?? [], capacity.concerns()].flat(),
    trouble: async () => {
      const isLoading = await capacity.isLoading()
      if (refusedDatabase() !== null) return 'refuses' as const
      return isLoading ? ('loading' as const) : null
    },
    isStopping: () => isStopping,
    beginStopping: () => void (isStopping = true),
    async close() {
      capacity.close()
      spool?.close()
      await closeConnections()
    }
  }
}

/** The metrics read the parts, and the parts count in the metrics. Nothing is counted before both are there. */
function countsBy(metrics: () => PartsCounts): PartsCounts {
  return {
    deviated: (found) => metrics().deviated(found),
    changed: (change) => metrics().changed(change),
    quarantined: (kind) => metrics().quarantined(kind)
  }
}

type Build = (redis: Connection, log: Logger) => ReturnType<typeof buildParts>

/** Opens two connections. Large bodies have one of their own, so that no other command waits behind them. */
function connectListeners({ redis: address }: Config, build: Build, log: Logger) {
  const redis = connectFailingFast(address, log)
  // The other connection already logs the state of Redis.
  const silent = log.child({}, { level: 'silent' })
  const bodies = connectForBodies(address, silent)
  const [parts, large] = [build(redis, log), build(bodies, silent)]
  return {
    redis,
    parts,
    large,
    async closeConnections() {
      await Promise.all([parts.closeQueues(), large.closeQueues()])
      redis.disconnect()
      bodies.disconnect()
    }
  }
}

/** Checks that the ledger is set up as configured; `fits` rejects where it is not. */
function watchFit({ awaitLedgerCheck }: ReturnType<typeof buildParts>) {
  let isFit = false
  const fits = awaitLedgerCheck().then(() => void (isFit = true))
  // The caller of startService awaits `fits` and handles the error. This handler only prevents an unhandled rejection.
  fits.catch(() => {})
  return { fits, isFit: () => isFit }
}
