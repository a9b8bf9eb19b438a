import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import { cancel } from '../../../src/core/transitions/on-operator.ts'
import type { SecretKey } from '../../../src/core/secret-key.ts'
import { openLedger } from '../../../src/ledger/open-ledger.ts'
import { error, ok, receive } from '../../helpers/callbacks.ts'
import { ask, askIn, EVERYTHING } from '../../helpers/requests.ts'
import { keysWith, openService, secretKey, type Service } from '../../helpers/service.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import { advance, handleSend, rehashAccounts } from '../../helpers/handlers.ts'

const [k1, k2] = [secretKey('k1'), secretKey('k2')]
const input = (Password: string) => ({
  RequestData: { AccountNumber: '000011887755', AccountCredential: { Password } }
})

/** The same Redis and keys, read by a process with other keys. */
function withKeys(service: Service, ...secretKeys: [SecretKey, ...SecretKey[]]): Service {
  return { ...service, ...openLedger(service.redis, { ...service.ledgerSettings, secretKeys }) }
}

async function openOld(t: Test) {
  const old = await openService(t, { secretKeys: [k1] })
  const queued = await ask(old, { input: input('one') })
  const received = await askIn(old, 'awaiting-callback')
  await receive(old, received, ok({ Data: { Name: 'kept' } }))
  const from = { requestId: v7(), attempt: 1 }
  const refused = await old.quarantine.keep(from, 'not-json', [], Buffer.from('refused'))
  const asked = { requestId: v7(), fingerprint: Buffer.from('fingerprint') }
  await old.idempotency.reserve('ana', 'key', asked)
  const ended = await askIn(old, 'failed')
  return { old, queued, received, refused: refused ?? '', asked, ended }
}

t.test('what waits is sealed again with the new key, and opens without the old one', async (t) => {
  const { old, queued, received, refused, asked } = await openOld(t)
  const both = withKeys(old, k2, k1)
  const resealing = both.openResealing()
  t.same((await resealing.keyUses()).get('k1')?.sealed, 5)
  t.equal(await resealing.resealAll(), 5)
  t.equal(await resealing.resealAll(), 0, 'once')
  t.equal((await resealing.keyUses()).get('k1')?.sealed ?? 0, 0)

  const fresh = withKeys(old, k2)
  t.same(await fresh.ledger.openInput(queued), input('one'))
  const kept = await fresh.quarantine.find(refused)
  t.same(kept && (await fresh.quarantine.open(kept)), Buffer.from('refused'))
  t.same(await fresh.idempotency.reserve('ana', 'key', { ...asked, requestId: v7() }), asked)
  const ttl = await old.redis.pttl((await old.redis.keys(`${old.tag}:idempotency:*`))[0] ?? '')
  t.ok(ttl > 0, 'and it still expires')
  const advanced = await advance(fresh, received, (request) => request)
  t.equal(advanced?.after.state, 'delivered')
})

t.test('without resealing the old key is still needed', async (t) => {
  const { old, queued } = await openOld(t)
  await t.rejects(withKeys(old, k2).ledger.openInput(queued), /which SECRET_KEYS lacks/)
  const uses = await withKeys(old, k2).openResealing().keyUses()
  t.equal(uses.get('k1')?.sealed, 5)
  t.equal(await withKeys(old, k2).openResealing().resealAll(), 0, 'and nothing is harmed by it')
  t.same(await old.ledger.openInput(queued), input('one'))
})

t.test('a value that changes in the middle is not overwritten', async (t) => {
  const { old, queued } = await openOld(t)
  const both = withKeys(old, k2, k1)
  const racing = new Proxy(old.redis, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'hgetBuffer' || typeof value !== 'function') {
        return typeof value === 'function' ? value.bind(target) : value
      }
      return async (key: string, field: string) => {
        const bytes: unknown = await value.call(target, key, field)
        if (key.endsWith(queued) && field === 'sealed') {
          await advance(both, queued, (request, { now }) => cancel(request, 'ana', now))
        }
        return bytes
      }
    }
  })
  const { openResealing } = openLedger(racing, { ...old.ledgerSettings, secretKeys: [k2, k1] })
  await openResealing().resealAll()
  t.equal(await old.ledger.openInput(queued), null, 'it is shredded, and stays so')
})

t.test('a key that is reserved anew in the middle keeps its new reservation', async (t) => {
  const { old, asked } = await openOld(t)
  const again = { ...asked, requestId: v7() }
  const racing = new Proxy(old.redis, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'get') return value.bind(target)
      return async (key: string) => {
        const text: unknown = await value.call(target, key)
        await target.del(key)
        await old.idempotency.reserve('ana', 'key', again)
        return text
      }
    }
  })
  const { openResealing } = openLedger(racing, { ...old.ledgerSettings, secretKeys: [k2, k1] })
  await openResealing().resealAll()
  t.same(await old.idempotency.reserve('ana', 'key', asked), again)
})

t.test('an attempt from before its key was noted may need any of them', async (t) => {
  const service = await openService(t, { secretKeys: [k1] })
  await askIn(service, 'awaiting-callback')
  const both = withKeys(service, k2, k1)
  await both.openResealing().resealAll()
  const uses = await both.openResealing().keyUses()
  t.same(uses.get('unknown'), { sealed: 0, callbacks: 1 })
})

t.test('a key is needed for as long as an open request may be called back on it', async (t) => {
  const service = await openService(t, { secretKeys: [k1] })
  const requestId = await ask(service)
  const { deps } = openWorker(service)
  await handleSend(deps, await jobOf(service, requestId))
  const both = withKeys(service, k2, k1)
  await both.openResealing().resealAll()
  t.same((await both.openResealing().keyUses()).get('k1'), { sealed: 0, callbacks: 1 })
  await receive(both, requestId, ok())
  await advance(both, requestId, (request) => request)
  t.equal((await both.openResealing().keyUses()).get('k1'), undefined, 'it can go')
})

t.test(
  'once accounts are hashed again, nothing of their turns is under the old hash',
  async (t) => {
    const service = await openService(t, { secretKeys: [k1] })
    const first = await ask(service, { turns: true })
    await ask(service, { turns: true })
    await handleSend(openWorker(service).deps, await jobOf(service, first))
    const both = withKeys(service, k2, k1)
    await rehashAccounts(both, both.openResealing())
    const id = (await both.catalog.find(first))?.account?.id
    for (const kind of ['account', 'turn', 'waiting']) {
      const keys = await keysWith(service.redis, `${service.tag}:${kind}:`)
      t.same(keys, [`${service.tag}:${kind}:${id}`])
    }
  }
)

t.test('a request that ends while accounts are hashed again stays as it ended', async (t) => {
  const service = await openService(t, { secretKeys: [k1] })
  const requestId = await ask(service, { turns: true })
  const before = await service.catalog.find(requestId)
  const both = withKeys(service, k2, k1)
  const ledger: Service['ledger'] = {
    ...both.ledger,
    async openInput(id) {
      const opened = await both.ledger.openInput(id)
      await advance(both, id, (request, { now }) => cancel(request, 'ana', now))
      return opened
    }
  }
  await rehashAccounts({ ...both, ledger }, both.openResealing())
  const { state, account } = (await both.catalog.find(requestId)) ?? {}
  t.equal(state, 'cancelled')
  t.same(account, before?.account)
})

t.test(
  'old and new requests of one account take turns again once it is hashed again',
  async (t) => {
    const service = await openService(t, { secretKeys: [k1] })
    const first = await ask(service, { turns: true, input: input('one') })
    const waiting = await ask(service, { turns: true, input: input('one') })
    await handleSend(openWorker(service).deps, await jobOf(service, first))
    const both = withKeys(service, k2, k1)
    const second = await ask(both, { turns: true, input: input('one') })
    const accountOf = async (id: string) => (await both.catalog.find(id))?.account
    t.notSame(await accountOf(first), await accountOf(second))
    t.equal(await rehashAccounts(both, both.openResealing()), 2)
    t.equal(await rehashAccounts(both, both.openResealing()), 0)
    t.same(await accountOf(first), await accountOf(second))
    await handleSend(openWorker(both).deps, await jobOf(both, second))
    t.match(await both.catalog.find(second), { state: 'queued', reason: 'account-busy' })

    await advance(both, first, (request, { now }) => cancel(request, 'ana', now))
    await handleSend(openWorker(both).deps, await jobOf(both, second))
    t.equal((await both.catalog.find(second))?.state, 'queued', 'the older one goes first')
    await handleSend(openWorker(both).deps, await jobOf(both, waiting))
    t.equal((await both.catalog.find(waiting))?.state, 'awaiting-callback')
    const value = (await accountOf(second))?.id ?? ''
    const narrow = { by: 'account', value } as const
    t.equal((await both.catalog.list({ ...EVERYTHING, narrow })).items.length, 3)
  }
)

t.test('a refused log-on is remembered under its new name', async (t) => {
  const service = await openService(t, { secretKeys: [k1] })
  const refused = await ask(service, { turns: true, input: input('wrong') })
  await handleSend(openWorker(service).deps, await jobOf(service, refused))
  await receive(service, refused, error('RETRY_IMMEDIATELY', 'E101'))
  await advance(service, refused, (request) => request)
  const both = withKeys(service, k2, k1)
  await rehashAccounts(both, both.openResealing())
  const other = await ask(both, { turns: true, input: input('wrong') })
  await handleSend(openWorker(both).deps, await jobOf(both, other))
  await advance(both, refused, (request, { now }) => cancel(request, 'ana', now))
  await handleSend(openWorker(both).deps, await jobOf(both, other))
  t.match(await both.catalog.find(other), { state: 'parked', reason: 'credentials' })
  t.ok(
    (await service.redis.pttl((await service.redis.keys(`${service.tag}:refused:*`))[0] ?? '')) > 0
  )
})
