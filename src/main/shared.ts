import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createCapabilities } from '../khipu/capability.ts'
import { connectFailingFast } from '../queue/connections.ts'
import { watchDatabase } from '../queue/required-database.ts'
import { createMetrics } from '../server/metrics.ts'
import type { Spool } from '../spool/spool.ts'
import { agreeInTime } from './agree.ts'
import { buildParts } from './parts.ts'
import type { Threads } from './threads.ts'
import { readVersion } from './version.ts'

export type Shared = ReturnType<typeof buildShared>

/**
 * What the roles of a process share. Its connection is that of the listeners, which fails fast: nobody who calls
 * waits for Redis to return.
 */
export function buildShared(
  config: Config,
  spool: Spool | null,
  { examine, compose }: Pick<Threads, 'examine' | 'compose'>,
  log: Logger
) {
  const redis = connectFailingFast(config.redis, log)
  const refusedDatabase = watchDatabase(redis)
  const parts = buildParts(config, redis, log, compose, (found) => metrics.deviated(found))
  const capacity = parts.watchCapacity()
  const version = readVersion()
  const metrics = createMetrics({
    ...parts,
    spool,
    filled: capacity.filled,
    version
  })
  const capabilities = createCapabilities(config.secretKeys)
  let isFit = false
  let isStopping = false
  const fits = agreeInTime({ ...parts, partitions: config.partitions }).then(
    () => void (isFit = true)
  )
  // Whoever started the service is told; until then it may run.
  fits.catch(() => {})
  return {
    ...parts,
    version,
    spool,
    metrics,
    capabilities,
    examine,
    capacity,
    fits,
    // With another number of partitions a good callback would be turned away as unknown.
    canStore: () => isFit && capacity.canStore(),
    /** What is wrong with how Redis is set up. */
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
      await parts.queues.close()
      redis.disconnect()
    }
  }
}
