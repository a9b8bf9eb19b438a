import t from 'tap'
import { v7 } from 'uuid'
import { expiryOf } from '../../../src/khipu/jwt-expiry.ts'
import type { Input } from '../../../src/ledger/input.ts'
import { error, receive } from '../../helpers/callbacks.ts'
import { dump, keysThatShow } from '../../helpers/dump.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { askIn, change } from '../../helpers/requests.ts'
import type { Service } from '../../helpers/service.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import { advance, handleSend } from '../../helpers/handlers.ts'

/** A JWT that nobody has signed: its expiry is read without trust. */
function jwt(payload: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(payload)}.c2lnbmF0dXJl`
}
const inSeconds = (ms: number) => Math.floor(ms / 1000)

const EXPIRIES: readonly [what: string, authorization: Input['authorization'], number | null][] = [
  ['the exp of a JWT', { jwt: jwt({ exp: 1_800_000_000 }) }, 1_800_000_000_000],
  ['a JWT without one', { jwt: jwt({ sub: 'x' }) }, null],
  ['a JWT with one that is no number', { jwt: jwt({ exp: '1800000000' }) }, null],
  ['a JWT that is none', { jwt: 'opaque' }, null],
  ['a JWT whose payload is none', { jwt: 'a.%%%.c' }, null],
  ['an API key', { apiKey: jwt({ exp: 1 }) }, null]
]
for (const [what, authorization = {}, expiresAt] of EXPIRIES) {
  t.test(`of ${what} the expiry is ${expiresAt ?? 'unknown'}`, async (t) => {
    t.equal(expiryOf(authorization), expiresAt)
  })
}

const askWith = async (admin: Awaited<ReturnType<typeof openAdmin>>, more: object) => {
  const answer = await admin.post('/v1/requests', {
    RequestData: { AccountNumber: '000011887755' },
    ...more
  })
  return Object(answer.json).requestId as string
}

t.test('a request whose JWT has expired costs nothing, and says what it waits for', async (t) => {
  const service = await openServerService(t)
  const admin = await openAdmin(t, service)
  const now = await service.catalog.now()
  const requestId = await askWith(admin, {
    authorization: { jwt: jwt({ exp: inSeconds(now) - 60 }) }
  })
  const { deps, sends } = openWorker(service)
  await handleSend(deps, await jobOf(service, requestId))
  t.same(sends, [])
  const shown = await admin.get(`/v1/requests/${requestId}`)
  t.match(shown.json, { state: 'parked', reason: 'authorization-expired', attempts: 0 })

  const fresh = { jwt: jwt({ exp: inSeconds(now) + 3600 }) }
  const put = await admin.put(`/v1/requests/${requestId}/authorization`, fresh)
  t.equal(put.status, 200)
  t.match(put.json, { state: 'retry-scheduled' })
  const { history } = Object(put.json) as { history: object[] }
  t.match(history.slice(-2), [
    { event: 'authorization-given', by: 'ana' },
    { event: 'released', by: 'ana' }
  ])
  await handleSend(deps, await jobOf(service, requestId))
  t.match(sends, [{ authorization: fresh }])
  t.match(sends, [{ requestData: { AccountNumber: '000011887755' } }])
})

t.test('the authorization is sealed, also the one that is given later', async (t) => {
  const service = await openServerService(t)
  const admin = await openAdmin(t, service)
  const requestId = await askWith(admin, { authorization: { apiKey: 'canary-first-of-two' } })
  await admin.put(`/v1/requests/${requestId}/authorization`, { apiKey: 'canary-second-of-two' })
  t.same(keysThatShow(await dump(service.redis, service.queuePrefix), 'canary-second-of-two'), [])
  t.notMatch(service.lines.join(''), 'canary-')
  t.same((await service.ledger.openInput(requestId))?.authorization, {
    apiKey: 'canary-second-of-two'
  })
})

const REFUSED: readonly [what: string, body: unknown][] = [
  ['nothing', undefined],
  ['both', { jwt: 'a', apiKey: 'b' }],
  ['neither', {}],
  ['white space', { jwt: 'canary here' }],
  ['a key that is not known', { token: 'canary' }]
]
for (const [what, body] of REFUSED) {
  t.test(`an authorization with ${what} is refused, without a word of it`, async (t) => {
    const service = await openServerService(t)
    const { put } = await openAdmin(t, service)
    const requestId = await askIn(service, 'parked')
    const answer = await put(`/v1/requests/${requestId}/authorization`, body)
    t.ok([400, 415, 422].includes(answer.status))
    t.notMatch(answer.text, 'canary')
    t.equal((await service.catalog.find(requestId))?.history.length, 3)
  })
}

t.test('an ended request takes none, and has none sealed afterwards', async (t) => {
  const service = await openServerService(t)
  const { put } = await openAdmin(t, service)
  const requestId = await askIn(service, 'failed')
  const answer = await put(`/v1/requests/${requestId}/authorization`, { apiKey: 'k' })
  t.equal(answer.status, 409)
  t.equal(await service.ledger.openInput(requestId), null)
  t.equal((await put(`/v1/requests/${v7()}/authorization`, { apiKey: 'k' })).status, 404)
})

t.test('one that ends meanwhile keeps nothing sealed either', async (t) => {
  const service = await openServerService(t)
  const requestId = await askIn(service, 'parked')
  const racing: Service = {
    ...service,
    ledger: {
      ...service.ledger,
      async openInput(id) {
        const input = await service.ledger.openInput(id)
        await change(service, id, (request, now) => ({
          ...request,
          state: 'cancelled',
          dueAt: null,
          endedAt: now
        }))
        return input
      }
    }
  }
  const { put } = await openAdmin(t, racing)
  const answer = await put(`/v1/requests/${requestId}/authorization`, { apiKey: 'k' })
  t.equal(answer.status, 409)
  t.equal(await service.ledger.openInput(requestId), null)
})

t.test('requests of one account are listed by its hash, and its number is nowhere', async (t) => {
  const service = await openServerService(t)
  const admin = await openAdmin(t, service)
  const first = await askWith(admin, {})
  const second = await askWith(admin, { reference: 'again' })
  await admin.post('/v1/requests', { RequestData: { AccountNumber: '00001188775' } })
  const { account } = Object((await admin.get(`/v1/requests/${first}`)).json) as {
    account: { id: string; endsWith: string }
  }
  t.equal(account.endsWith, '755')
  const listed = await admin.get(`/v1/requests?account=${account.id}`)
  const { items } = Object(listed.json) as { items: { requestId: string }[] }
  t.same(
    items.map(({ requestId }) => requestId),
    [second, first]
  )
  const parked = await admin.get(`/v1/requests?account=${account.id}&state=parked`)
  t.match(parked.json, { items: [], total: null, partial: false })
  t.same(keysThatShow(await dump(service.redis, service.queuePrefix), '000011887755'), [])
})

t.test('of a short number nothing is shown', async (t) => {
  const service = await openServerService(t)
  const identify = (AccountNumber: string) =>
    service.accounts.identify('cl/banking/personal/bci.cl/transactions', {
      RequestData: { AccountNumber }
    })
  t.equal(identify('12345')?.endsWith, '')
  t.equal(identify('123456')?.endsWith, '456')
})

t.test('accounts and log-ons are told apart by all that makes them', async (t) => {
  const service = await openServerService(t)
  const { identify } = service.accounts
  const bci = 'cl/banking/personal/bci.cl'
  const of = (
    path: string,
    RequestData: Input['RequestData'],
    authorization?: Input['authorization']
  ) => identify(path, { RequestData, ...(authorization && { authorization }) })
  const logon = { AccountNumber: '1', AccountCredential: { User: 'u', Password: 'p' } }
  const one = of(`${bci}/transactions`, logon)
  const turned = { AccountCredential: { Password: 'p', User: 'u' }, AccountNumber: '1' }
  t.same(of(`${bci}/transactions`, turned), one, 'whatever the order of keys')
  const elsewhere = of(`${bci}/latest/transactions`, logon)
  t.equal(elsewhere?.credentials, one?.credentials, 'a log-on is one of the bank')
  t.equal(elsewhere?.id, one?.id, 'and so is an account, whatever is asked about it')
  const spelt = (AccountNumber: string) => of(`${bci}/transactions`, { AccountNumber })?.id
  t.same(new Set(['0011-88 7755', '11887755', '000011887755'].map(spelt)).size, 1)
  t.not(spelt('118877550'), spelt('11887755'))
  t.equal(new Set(['0', '00', '-', '0-k'].map(spelt)).size, 4, 'zeros alone stay as they are')
  const atBtg = of('cl/banking/personal/btgpactual.cl/transactions', logon)
  t.not(atBtg?.credentials, one?.credentials, 'and of no other bank')
  t.not(of(`${bci}/transactions`, { ...logon, AccountNumber: '2' })?.id, one?.id)
  const wrong = { ...logon, AccountCredential: { User: 'u', Password: 'q' } }
  t.not(of(`${bci}/transactions`, wrong)?.credentials, one?.credentials)
  t.equal(of(`${bci}/transactions`, { AccountNumber: '1' })?.credentials, null)
  t.type(of(`${bci}/transactions`, { AccountNumber: '1' }, { jwt: 'j' })?.credentials, 'string')
  t.equal(of(`${bci}/transactions`, { AccountNumber: '1' }, { apiKey: 'j' })?.credentials, null)
  t.equal(of(`${bci}/accounts`, {}), null)
  const unnamed = of(`${bci}/accounts`, {}, { jwt: 'j' })
  t.match(unnamed, { endsWith: '' })
  t.not(unnamed?.id, unnamed?.credentials)
  const another = of(`${bci}/cards`, {}, { jwt: 'j' })
  t.equal(another?.credentials, unnamed?.credentials)
  t.equal(another?.id, unnamed?.id, 'where only the log-on is known, the account is that')
})

t.test('another JWT is another log-on, and is asked about as such', async (t) => {
  const service = await openServerService(t)
  const admin = await openAdmin(t, service)
  const { deps, sends } = openWorker(service)
  const askFor = (AccountNumber: string, authorization: object) =>
    askWith(admin, { RequestData: { AccountNumber }, authorization })
  const refused = await askFor('1', { jwt: 'refused' })
  await handleSend(deps, await jobOf(service, refused))
  await receive(service, refused, error('DO_NOT_RETRY', 'E101'))
  await advance(service, refused, (request) => request)

  const given = await askFor('2', { jwt: 'fine' })
  await admin.put(`/v1/requests/${given}/authorization`, { jwt: 'refused' })
  await handleSend(deps, await jobOf(service, given))
  t.match((await admin.get(`/v1/requests/${given}`)).json, {
    state: 'parked',
    reason: 'credentials'
  })
  t.equal(sends.length, 1)

  const put = await admin.put(`/v1/requests/${given}/authorization`, { jwt: 'fine' })
  t.match(put.json, { state: 'retry-scheduled' })
  await handleSend(deps, await jobOf(service, given))
  t.match(sends, [{ authorization: { jwt: 'refused' } }, { authorization: { jwt: 'fine' } }])
})
