import { isOpen, credentialsOf, type Request } from '../core/request.ts'
import type { Accounts } from '../crypto/account-hash.ts'
import type { Advance } from './advance.ts'
import type { Ledger } from './ledger.ts'
import { type Catalog, everyPage } from './queries.ts'
import { keyIdOf } from '../crypto/encrypt.ts'
import { primariesOf } from '../redis/connect.ts'
import type { Store } from './store.ts'

/** The uses that prevent the removal of a key from SECRET_KEYS. */
export interface KeyUse {
  /** Stored values under this key that could not be re-encrypted, for want of the key. */
  readonly sealed: number
  /** Open requests with a CallbackUrl that this key has signed. Khipu may still call it. */
  readonly callbacks: number
}

export interface ReEncryption {
  /** Re-encrypts with the first key every value that another key has encrypted. Returns their number. */
  resealAll(): Promise<number>
  /** Stores rejected bank credentials under their new name. */
  moveRefusal(before: Request, after: Request): Promise<void>
  /** The uses of the keys by key id. A key without uses is absent. */
  keyUses(): Promise<ReadonlyMap<string, KeyUse>>
}

/** An encrypted value, the request it belongs to, and a function that replaces it if it has not changed. */
interface Sealed {
  readonly requestId: string
  readonly bytes: Buffer
  replace(bytes: Buffer): Promise<unknown>
}

const SCAN_COUNT = 500

export function createReEncryption(
  store: Store,
  catalog: Catalog,
  firstKeyId: string
): ReEncryption {
  const { cipher, redis, key } = store
  return {
    async resealAll() {
      let resealed = 0
      for await (const { requestId, bytes, replace } of everySealed(store)) {
        if (keyIdOf(bytes) === firstKeyId || !cipher.canDecrypt(bytes)) continue
        await replace(cipher.encrypt(cipher.decrypt(bytes, requestId), requestId))
        resealed += 1
      }
      return resealed
    },

    async moveRefusal(before, after) {
      const [from, to] = [credentialsOf(before), credentialsOf(after)]
      if (from === to || (await redis.exists(key('refused', from))) === 0) return
      await redis.rename(key('refused', from), key('refused', to))
    },

    async keyUses() {
      const uses = new Map<string, { sealed: number; callbacks: number }>()
      const count = (keyId: string, what: keyof KeyUse) => {
        const use = uses.get(keyId) ?? { sealed: 0, callbacks: 0 }
        uses.set(keyId, { ...use, [what]: use[what] + 1 })
      }
      for await (const { bytes } of everySealed(store)) count(keyIdOf(bytes), 'sealed')
      for await (const keyIds of signersOfOpen(catalog)) {
        for (const keyId of keyIds) count(keyId, 'callbacks')
      }
      return uses
    }
  }
}

export interface RehashDeps {
  readonly advance: Advance
  readonly ledger: Pick<Ledger, 'openInput'>
  readonly catalog: Catalog
  readonly accounts: Accounts
}

/**
 * Hashes the accounts of open requests with the first key, so that old and new requests are serialized together.
 * Returns their number.
 */
export async function rehashAccounts(
  deps: RehashDeps,
  resealing: Pick<ReEncryption, 'moveRefusal'>
): Promise<number> {
  let rehashed = 0
  for await (const { requestId, service, account } of everyOpen(deps.catalog)) {
    // A value that cannot be decrypted is counted among the uses of its key.
    const input = await deps.ledger.openInput(requestId).catch(() => null)
    const identified = input && deps.accounts.identify(service, input)
    if (identified === null || identified.id === account?.id) continue
    const rehash = (request: Request) =>
      isOpen(request) ? { ...request, account: identified } : request
    const advanced = await deps.advance(requestId, rehash)
    if (advanced !== null) await resealing.moveRefusal(advanced.before, advanced.after)
    rehashed += 1
  }
  return rehashed
}

/** The name for the key of an attempt without a recorded key. */
const UNKNOWN_KEY = 'unknown'

/** The keys that have signed the callback tokens of each open request. Khipu may call back for any of its attempts. */
async function* signersOfOpen(catalog: Catalog): AsyncGenerator<ReadonlySet<string>> {
  for await (const { attempts } of everyOpen(catalog)) {
    yield new Set(attempts.map(({ signedWith }) => signedWith ?? UNKNOWN_KEY))
  }
}

// All states together: a request that changes its state meanwhile must not be missed.
async function* everyOpen(catalog: Catalog): AsyncGenerator<Request> {
  for await (const { items } of everyPage(catalog)) yield* items.filter(isOpen)
}

/** Every encrypted value under the tag. A value written meanwhile may be missed, or appear twice. */
async function* everySealed(store: Store): AsyncGenerator<Sealed> {
  const { redis, tag } = store
  for (const primary of primariesOf(redis)) {
    for await (const names of primary.scanStream({ match: `${tag}:*`, count: SCAN_COUNT })) {
      for (const name of names as string[]) yield* sealedIn(store, name.slice(tag.length + 1))
    }
  }
}

async function* sealedIn(store: Store, name: string): AsyncGenerator<Sealed> {
  const { redis, tag } = store
  const [kind = '', id = ''] = name.split(':')
  if (id === '') return
  if (kind === 'request') yield* fieldsOf(store, name, id, ['sealed'])
  if (kind === 'bodies') yield* fieldsOf(store, name, id, await redis.hkeys(`${tag}:${name}`))
  if (kind === 'quarantine') yield* quarantinedBody(store, id)
  if (kind === 'idempotency') yield* fingerprint(store, id)
}

async function* fieldsOf(
  { redis, tag, scripts }: Store,
  name: string,
  requestId: string,
  fields: readonly string[]
): AsyncGenerator<Sealed> {
  for (const field of fields) {
    const bytes = await redis.hgetBuffer(`${tag}:${name}`, field)
    if (bytes === null || bytes.length === 0) continue
    const replace = (after: Buffer) => scripts.replaceField(name, field, bytes, after)
    yield { requestId, bytes, replace }
  }
}

async function* quarantinedBody(store: Store, id: string): AsyncGenerator<Sealed> {
  const entry = await store.redis.hget(store.key('quarantine', id), 'entry')
  if (entry === null) return
  const { requestId } = JSON.parse(entry) as { requestId: string }
  yield* fieldsOf(store, `quarantine:${id}`, requestId, ['body'])
}

async function* fingerprint({ redis, key, scripts }: Store, id: string): AsyncGenerator<Sealed> {
  const before = await redis.get(key('idempotency', id))
  if (before === null) return
  const { requestId, sealed } = JSON.parse(before) as { requestId: string; sealed: string }
  const replace = (after: Buffer) => {
    const text = JSON.stringify({ requestId, sealed: after.toString('base64') })
    return scripts.replaceText(`idempotency:${id}`, before, text)
  }
  yield { requestId, bytes: Buffer.from(sealed, 'base64'), replace }
}
