import t from 'tap'
import { startupWarnings } from '../../../src/app/startup-checks.ts'

const LONG = 'x'.repeat(16)
const token = (name: string, secret: string) => ({ name, scope: 'admin' as const, token: secret })
const given = (host: string, trustedProxies: string[] = [], tokens = [token('ops', LONG)]) =>
  startupWarnings({
    adminListener: { host, port: 3001 },
    trustedProxies,
    apiTokens: tokens,
    publicUrl: 'https://receiver.example',
    khipuBaseUrl: 'https://khipu.example'
  })

for (const host of ['127.0.0.1', '127.9.8.7', '::1', 'localhost']) {
  t.test(`an operator listener on ${host} is no concern`, async (t) => {
    t.same(given(host), [])
  })
}

for (const host of ['0.0.0.0', '::', '10.0.0.5', '127.0.0.1.example', 'localhost.example']) {
  t.test(`an operator listener on ${host} is one, unless a proxy is named`, async (t) => {
    t.match(given(host), [/^operator listener open to other machines without TLS: .*TRUST_PROXY/])
    t.same(given(host, ['10.0.0.7']), [])
  })
}

t.test('a short token is named, and not shown', async (t) => {
  const tokens = [token('ops', LONG), token('ci', 'canary-of-15-ch'), token('ana', 'x')]
  const concerns = given('127.0.0.1', [], tokens)
  t.match(concerns, [/^the token 'ci' .* 16 characters/, /^the token 'ana' /])
  t.notMatch(concerns.join(''), /canary/)
})

t.test('an address of another machine without TLS is named', async (t) => {
  const quiet = { apiTokens: [token('ops', LONG)], trustedProxies: [] }
  const adminListener = { host: '127.0.0.1', port: 3001 }
  const concerns = (publicUrl: string, khipuBaseUrl: string) =>
    startupWarnings({ ...quiet, adminListener, publicUrl, khipuBaseUrl })
  t.match(concerns('http://receiver.example', 'http://khipu.example:80/x'), [
    /^PUBLIC_URL is http:/,
    /^KHIPU_BASE_URL is http:/
  ])
  t.same(concerns('http://127.0.0.1:3000', 'http://[::1]:4000'), [])
})
