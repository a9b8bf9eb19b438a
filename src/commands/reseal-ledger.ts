import { once } from 'node:events'
import type { Logger } from 'pino'
import type { Config } from '../config/read-config.ts'
import { type KeyUse, rehashAccounts } from '../ledger/re-encrypt.ts'
import { connectFailingFast } from '../redis/connect.ts'
import { buildParts } from '../app/ledger-parts.ts'

const CONNECT_WITHIN_MS = 10_000

/**
 * Re-encrypts all stored values with the first key of SECRET_KEYS and hashes the accounts again. Returns lines of text:
 * how many values it changed, and which keys can be removed.
 */
export async function reEncryptLedger(config: Config, log: Logger): Promise<readonly string[]> {
  const redis = connectFailingFast(config.redis, log)
  await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_WITHIN_MS) }).catch(() => {
    redis.disconnect()
    throw new Error('Redis did not answer')
  })
  const parts = buildParts(config, redis, log)
  try {
    await parts.checkLedger()
    let [resealed, rehashed] = [0, 0]
    for (const part of parts.parts) {
      const resealing = part.openResealing()
      resealed += await resealing.resealAll()
      rehashed += await rehashAccounts(part, resealing)
    }
    const uses = await usesInAll(parts.parts)
    const [{ kid: first }, ...others] = config.secretKeys
    return [
      `sealed again with key ${first}: ${resealed} values; accounts hashed again: ${rehashed}`,
      ...others.map(({ kid }) => verdictOn(kid, uses.get(kid))),
      ...missing(config, uses)
    ]
  } finally {
    await parts.closeQueues()
    redis.disconnect()
  }
}

/** Adds up the uses of each key in the whole ledger, after the re-encryption. */
async function usesInAll(
  parts: ReturnType<typeof buildParts>['parts']
): Promise<ReadonlyMap<string, KeyUse>> {
  const uses = new Map<string, KeyUse>()
  for (const part of parts) {
    for (const [kid, { sealed, callbacks }] of await part.openResealing().keyUses()) {
      const before = uses.get(kid) ?? { sealed: 0, callbacks: 0 }
      uses.set(kid, { sealed: before.sealed + sealed, callbacks: before.callbacks + callbacks })
    }
  }
  return uses
}

function verdictOn(kid: string, use: KeyUse | undefined): string {
  if (use === undefined) {
    return `key ${kid}: nothing needs it. Remove it once every process has SECRET_KEYS in this order`
  }
  const { sealed, callbacks } = use
  return `key ${kid}: keep it. ${sealed} values are sealed with it; ${callbacks} open requests may be called back on it`
}

/** Lines about the keys that stored values or open requests need and SECRET_KEYS lacks. */
function missing(config: Config, uses: ReadonlyMap<string, KeyUse>): string[] {
  const known = new Set(config.secretKeys.map(({ kid }) => kid))
  return [...uses]
    .filter(([kid]) => !known.has(kid))
    .map(([kid, { sealed, callbacks }]) => {
      const lost = `${sealed} values cannot be decrypted; callbacks of ${callbacks} open requests get 404`
      return `key ${kid}: not in SECRET_KEYS. ${lost}`
    })
}
