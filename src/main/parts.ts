import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { expiryOf } from '../khipu/authorization.ts'
import { openLedger } from '../ledger/open.ts'
import { createSealer } from '../ledger/seal.ts'
import { createJobs } from '../queue/jobs.ts'
import { openQueues } from '../queue/queues.ts'

/** The ledger and the queues on one connection; the two kinds of connection must never share them. */
export function buildParts(config: Config, redis: Redis, log: Logger) {
  const { queuePrefix, resultQueue, resultRetentionMs, khipuAuthorization } = config
  const { secretKeys, sealResults, policy, callbackTimeoutMs } = config
  const ledger = openLedger(redis, config)
  const { tag } = ledger
  const queues = openQueues(redis, { tag, queuePrefix, resultQueue, resultRetentionMs })
  const sealResult = sealResults ? createSealer(secretKeys, 'result').seal : null
  const jobs = createJobs(queues, log, sealResult)
  const authorizationExpiresAt = khipuAuthorization && expiryOf(khipuAuthorization)
  const timing = { policy, callbackTimeoutMs, authorizationExpiresAt, random: Math.random }
  return { ...ledger, queues, jobs, ...timing }
}
