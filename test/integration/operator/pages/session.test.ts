import t from 'tap'
import { openAdmin, openPages, openServerService } from '../../../helpers/listeners.ts'
import { csrfOf, visit } from '../../../helpers/visitor.ts'
import { call } from '../../../helpers/wire.ts'

// Who may look at the pages, and who may send their forms.

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
const PATHS = ['/', '/requests', '/parked', '/quarantine', '/queues/', '/requests/x', '/nothing']

t.test('a page leads to the log-in, and the log-in back to it', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const visitor = visit(address)
  t.match(await visitor.get('/requests?q=state%3Aparked'), {
    status: 303,
    location: '/login?next=%2Frequests%3Fq%3Dstate%253Aparked'
  })
  const next = '/requests?q=state%3Aparked'
  const form = await visitor.get(`/login?next=${encodeURIComponent(next)}`)
  t.equal(form.headers.get('content-security-policy'), POLICY)
  t.equal(form.headers.get('cache-control'), 'no-store')
  const fields = { _csrf: csrfOf(form.text), token: 'token-of-ana', next }
  t.match(await visitor.send('/login', fields), { status: 303, location: next })
  const page = await visitor.get(next)
  t.equal(page.status, 200)
  t.equal(page.headers.get('content-security-policy'), POLICY)
  t.equal(page.headers.get('cache-control'), 'no-store')
  t.equal(page.headers.get('referrer-policy'), 'same-origin')
})

t.test('the log-in leads to no other host', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', 'evil', '']) {
    const visitor = visit(address)
    const { location } = await visitor.fill('/login', { token: 'token-of-ana', next })
    t.equal(location, '/', next)
  }
})

t.test('the cookie can not be read by scripts, nor sent by other sites', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const { headers } = await visit(address).logIn('token-of-ana')
  const [cookie = ''] = headers.getSetCookie()
  t.match(cookie, /^khipu_session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
  t.notMatch(cookie, 'token-of-ana')
})

t.test('over https the cookie is for this host and for https alone', async (t) => {
  const trustedProxies = ['127.0.0.1', '::1']
  const { address } = await openPages(t, await openServerService(t), { trustedProxies })
  const visitor = visit(address)
  const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'ops.example' }
  const form = await visitor.get('/login', https)
  const origin = { ...https, 'sec-fetch-site': 'same-origin' }
  const fields = { _csrf: csrfOf(form.text), token: 'token-of-ana' }
  const { status, headers } = await visitor.send('/login', fields, origin)
  t.equal(status, 303)
  t.match(headers.getSetCookie()[0], /^__Host-khipu_session=.+; HttpOnly; Secure; SameSite=Strict$/)
  t.equal((await visitor.get('/', https)).status, 200)
})

t.test('the session of a listener without proxies does not believe in https', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const { headers } = await visit(address).get('/login', { 'x-forwarded-proto': 'https' })
  t.match(headers.getSetCookie()[0], /^khipu_session=/)
})

t.test('a wrong token is refused, counted and limited; a good one never is', async (t) => {
  const service = await openServerService(t)
  const failures = { perAddress: 3, inAll: 100 }
  const { address, counted } = await openPages(t, service, { failures })
  const visitor = visit(address)
  const statuses: number[] = []
  for (let number = 0; number < 5; number += 1) {
    statuses.push((await visitor.logIn('token-of-eve')).status)
  }
  t.same(statuses, [401, 401, 401, 429, 429])
  t.same(counted.slice(0, 4), ['unknown-token', 'unknown-token', 'unknown-token', 'too-many'])
  t.equal((await visitor.logIn('token-of-ana')).status, 303)
  t.notMatch(service.lines.join(''), /token-of/)
})

t.test('a session ends with its token, at its end and by logging out', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPages(t, service)
  const visitor = visit(address)
  await visitor.logIn('token-of-ana')
  const session = visitor.cookies.get('khipu_session') ?? ''
  t.equal((await visitor.get('/')).status, 200)

  const tokens = [{ name: 'ana', scope: 'admin', token: 'another-token-of-ana' }] as const
  const other = await openPages(t, service, { tokens })
  const later = visit(other.address)
  later.cookies.set('khipu_session', session)
  t.equal((await later.get('/')).status, 303, 'another token of the same name')

  t.match(await visitor.fill('/', {}, '/logout'), { status: 303, location: '/login?bye=1' })
  t.equal((await visitor.get('/')).status, 303)
})

t.test('a cookie that nobody signed opens nothing', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const visitor = visit(address)
  await visitor.logIn('token-of-reader')
  const [content = '', mac = ''] = (visitor.cookies.get('khipu_session') ?? '').split('.')
  const [name, ...rest] = JSON.parse(Buffer.from(content, 'base64url').toString()) as unknown[]
  t.equal(name, 'reader')
  const forged = Buffer.from(JSON.stringify(['ana', ...rest])).toString('base64url')
  for (const value of [`${forged}.${mac}`, content, `${content}.`, `${content}.AAAA`, 'x', '']) {
    visitor.cookies.set('khipu_session', value)
    t.equal((await visitor.get('/')).status, 303, value)
  }
})

t.test('the cookie opens no call of the API', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const visitor = visit(address)
  await visitor.logIn('token-of-ana')
  t.equal((await visitor.get('/v1/requests')).status, 401)
  const { status } = await call(`${address}/`, {
    headers: { authorization: 'Bearer token-of-ana' }
  })
  t.equal(status, 303, 'and a token of the API opens no page')
})

const FOREIGN: readonly (readonly [what: string, headers: Readonly<Record<string, string>>])[] = [
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['another host of the site', { 'sec-fetch-site': 'same-site' }],
  ['nobody', { 'sec-fetch-site': 'none' }],
  ['another origin', { origin: 'http://evil.example' }],
  ['an unknown origin', { origin: 'null' }],
  ['a text for an origin', { origin: 'evil' }]
]
t.test('a form of another site changes nothing, even with its token', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const visitor = visit(address)
  await visitor.logIn('token-of-ana')
  const { text } = await visitor.get('/')
  const fields = { _csrf: csrfOf(text) }
  for (const [what, headers] of FOREIGN) {
    t.equal((await visitor.send('/logout', fields, headers)).status, 403, what)
  }
  t.equal((await visitor.send('/logout', {})).status, 403, 'no token')
  t.equal((await visitor.send('/logout', { _csrf: 'x' })).status, 403, 'a wrong token')
  const other = visit(address)
  await other.logIn('token-of-ben')
  const theirs = { _csrf: csrfOf((await other.get('/')).text) }
  t.equal((await visitor.send('/logout', theirs)).status, 403, 'the token of another session')
  t.equal((await visitor.get('/')).status, 200, 'still logged in')
  t.equal((await visitor.send('/logout', fields)).status, 303)
})

t.test('a scope that is too narrow sees no button, and gets 403', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const visitor = visit(address)
  await visitor.logIn('token-of-reader')
  for (const path of [
    '/requests/x/cancel',
    '/requests/x/retry',
    '/quarantine/x/discard',
    '/queues/'
  ]) {
    t.equal((await visitor.get(path)).status, 403, path)
  }
  const { text } = await visitor.get('/')
  const fields = { _csrf: csrfOf(text) }
  t.equal((await visitor.send('/requests/x/cancel', fields)).status, 403)
  t.notMatch(text, '/queues/')
})

t.test('many kept bodies are for an admin, as one is', async (t) => {
  const service = await openServerService(t)
  await service.quarantine.keep({ requestId: 'x', attempt: 1 }, 'not-json', [], Buffer.from('{'))
  const { address } = await openPages(t, service)
  const visitor = visit(address)
  await visitor.logIn('token-of-writer')
  t.notMatch((await visitor.get('/quarantine')).text, '/bulk')
  const fields = { _csrf: csrfOf((await visitor.get('/')).text), action: 'discard', expected: '1' }
  for (const action of ['accept', 'discard']) {
    t.equal((await visitor.get(`/bulk?action=${action}`)).status, 403, action)
    t.equal((await visitor.send('/bulk', { ...fields, action })).status, 403, action)
  }
  t.equal((await service.quarantine.usage()).entries, 1)
  const admin = visit(address)
  await admin.logIn('token-of-ana')
  const { text } = await admin.get('/quarantine?kind=not-json')
  t.match(text.replaceAll('&#61;', '='), '/bulk?action=discard')
  const asked = await admin.get('/bulk?action=discard&kind=not-json')
  t.match(asked, { status: 200, text: 'Discard 1 body?' })
  t.equal((await admin.get('/bulk?action=discard&kind=not')).status, 422, 'not every kind')
  const sent = { ...fields, _csrf: csrfOf(asked.text), kind: 'not-json' }
  t.equal((await admin.send('/bulk', { ...sent, kind: 'not' })).status, 422)
  t.match(await admin.send('/bulk', sent), { status: 303, location: /^\/operations\/op_/ })
})

t.test('without PAGES there is no page, and the API stays', async (t) => {
  const { address, get } = await openAdmin(t, await openServerService(t))
  for (const path of [...PATHS, '/login']) {
    const { status, json } = await call(address + path)
    t.match({ status, json }, { status: 404, json: { code: 'unknown-route' } }, path)
  }
  t.equal((await get('/v1/requests')).status, 200)
})

t.test('the language is that of the browser, or the one that was chosen', async (t) => {
  const { address } = await openPages(t, await openServerService(t))
  const visitor = visit(address)
  t.match((await visitor.get('/login')).text, '<html lang="en">')
  t.match((await visitor.get('/login', { 'accept-language': 'es-CL' })).text, '<html lang="es">')
  const { location } = await visitor.fill('/login', { to: 'es', back: '/login' }, '/language')
  t.equal(location, '/login')
  const { text } = await visitor.get('/login', { 'accept-language': 'en' })
  t.match(text, '<html lang="es">')
})
