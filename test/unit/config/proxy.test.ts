import t from 'tap'
import { type Config, ConfigError, readConfig } from '../../../src/config/read-config.ts'
import { isExempt } from '../../../src/config/no-proxy.ts'
import { forgetSecrets } from '../../../src/config/secrets.ts'
import { callbackUrlLength } from '../../../src/crypto/callback-token.ts'

const CANARY = 'canary7f3a'
const NEEDED = {
  PUBLIC_URL: 'https://hooks.example.com',
  API_TOKENS: 'ann:token-1',
  SECRET_KEYS: `k1:${Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64')}`
}
type Env = Readonly<Record<string, string>>

const proxyOf = (env: Env): Config['khipuProxy'] =>
  readConfig(callbackUrlLength, { ...NEEDED, ...env }).khipuProxy
const shown = (env: Env) => {
  const proxy = proxyOf(env)
  if (proxy === null) return null
  const credentials = proxy.authorization?.replace(/^Basic /, '')
  return [proxy.origin.href, credentials && Buffer.from(credentials, 'base64').toString()]
}
const HTTP = { KHIPU_BASE_URL: 'http://khipu.internal' }
const none = undefined

const ROWS: readonly [env: Env, expected: ReturnType<typeof shown>][] = [
  [{}, null],
  [{ HTTPS_PROXY: 'http://proxy:3128' }, ['http://proxy:3128/', none]],
  [{ https_proxy: 'http://proxy:3128' }, ['http://proxy:3128/', none]],
  [{ HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower' }, ['http://lower/', none]],
  [{ HTTPS_PROXY: 'http://upper', https_proxy: ' ' }, ['http://upper/', none]],
  [{ HTTPS_PROXY: '' }, null],
  [{ HTTPS_PROXY: 'https://proxy' }, ['https://proxy/', none]],
  [{ HTTPS_PROXY: 'proxy:3128' }, ['http://proxy:3128/', none]],
  [{ HTTPS_PROXY: 'user:pw@proxy:3128' }, ['http://proxy:3128/', 'user:pw']],
  [{ HTTPS_PROXY: '10.0.0.1:3128' }, ['http://10.0.0.1:3128/', none]],
  [{ HTTPS_PROXY: 'http://[fd00::1]:3128/' }, ['http://[fd00::1]:3128/', none]],
  [{ HTTPS_PROXY: 'http://us%40er:p%3Aw%25%C3%B1@proxy' }, ['http://proxy/', 'us@er:p:w%ñ']],
  [{ HTTPS_PROXY: 'http://user@proxy' }, ['http://proxy/', 'user:']],
  [{ HTTPS_PROXY: 'http://:pw@proxy' }, ['http://proxy/', ':pw']],
  // Each scheme has its own.
  [{ HTTP_PROXY: 'http://proxy' }, null],
  [{ ...HTTP, HTTP_PROXY: 'http://proxy' }, ['http://proxy/', none]],
  [{ ...HTTP, http_proxy: 'http://proxy' }, ['http://proxy/', none]],
  [{ ...HTTP, HTTPS_PROXY: 'http://proxy' }, null],
  [{ HTTPS_PROXY: 'http://proxy', NO_PROXY: '*' }, null],
  [{ HTTPS_PROXY: 'http://proxy', no_proxy: 'api.khipu.com' }, null],
  [{ HTTPS_PROXY: 'http://proxy', NO_PROXY: '*', no_proxy: 'x' }, ['http://proxy/', none]],
  [{ HTTPS_PROXY: 'http://proxy', NO_PROXY: 'localhost,127.0.0.1' }, ['http://proxy/', none]]
]
for (const [env, expected] of ROWS) {
  t.test(
    `${JSON.stringify(env)} leads through ${expected?.join(' as ') ?? 'nothing'}`,
    async (t) => {
      t.strictSame(shown(env), expected)
    }
  )
}

const anAddress = 'must be the http:// or https:// address of a proxy'
const anEscape = 'must have a user and a password that are percent-encoded'
const WRONG: readonly [value: string, fault: string][] = [
  [`socks5://${CANARY}:1080`, anAddress],
  [`ftp://${CANARY}`, anAddress],
  ['http://', anAddress],
  [`http://${CANARY}:99999`, anAddress],
  [`http://${CANARY} proxy`, anAddress],
  [`//${CANARY}`, anAddress],
  [CANARY, anAddress],
  [`${CANARY}:port`, anAddress],
  [`http://user:${CANARY}%@proxy`, anEscape],
  [`http://us%zzer:${CANARY}@proxy`, anEscape]
]
for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'https_proxy', 'http_proxy'] as const) {
  for (const [value, fault] of WRONG) {
    t.test(`${name}=${value} is refused, and not shown`, async (t) => {
      try {
        proxyOf({ [name]: value })
        t.fail('it was not refused')
      } catch (error) {
        t.ok(error instanceof ConfigError)
        const message = `The configuration is wrong:\n  - ${name.toUpperCase()} ${fault}`
        t.equal(Object(error).message, message)
      }
    })
  }
}

t.test('proxies are taken out of the environment, in whatever case', async (t) => {
  const secrets = { HTTPS_PROXY: 'a', HTTP_PROXY: 'a', https_proxy: 'a', http_proxy: 'a' }
  const env: Record<string, string | undefined> = { ...secrets, NO_PROXY: '*', no_proxy: '*' }
  forgetSecrets(env)
  t.strictSame(env, { NO_PROXY: '*', no_proxy: '*' })
})

const API = 'https://api.khipu.com'
const IPV6 = 'https://[fd00::7]:8443'
const EXEMPT: readonly [noProxy: string, url: string, isExempt: boolean][] = [
  ['', API, false],
  [' , ', API, false],
  ['*', API, true],
  [' * ', API, true],
  ['localhost, *', API, true],
  ['*', 'https://10.1.2.3', true],
  ['api.khipu.com', API, true],
  ['API.Khipu.COM', API, true],
  ['api.khipu.com.', API, true],
  ['api.khipu.com', `${API}.`, true],
  ['khipu.com', API, true],
  ['.khipu.com', API, true],
  ['*.khipu.com', API, true],
  ['.com', API, true],
  ['.', API, false],
  ['*.', API, false],
  ['hipu.com', API, false],
  ['khipu.com', 'https://khipu.com', true],
  ['.khipu.com', 'https://khipu.com', true],
  ['api.khipu.com.evil', API, false],
  ['a,b c\tkhipu.com\n d', API, true],
  ['a,b,,c', API, false],
  ['khipu.com:443', API, true],
  ['khipu.com:8443', API, false],
  ['khipu.com:8443', `${API}:8443`, true],
  ['khipu.com:80', 'http://api.khipu.com', true],
  ['khipu.com', `${API}:8443`, true],
  ['*:8443', API, false],
  ['*:443', API, true],
  ['10.1.2.3', 'https://10.1.2.3', true],
  ['10.1.2.3:443', 'https://10.1.2.3', true],
  ['10.1.2.3:8443', 'https://10.1.2.3', false],
  ['10.0.0.0/8', 'https://10.1.2.3', true],
  ['10.0.0.0/16', 'https://10.1.2.3', false],
  ['10.0.0.0/33', 'https://10.1.2.3', false],
  ['10.0.0.0/x', 'https://10.1.2.3', false],
  ['10.0.0.0/8', API, false],
  ['2.3', 'https://10.1.2.3', false],
  ['fd00::7', IPV6, true],
  ['[fd00::7]', IPV6, true],
  ['[fd00::7]:8443', IPV6, true],
  ['[fd00::7]:443', IPV6, false],
  ['FD00:0::7', IPV6, true],
  ['fd00::/8', IPV6, true],
  ['fe80::/10', IPV6, false],
  ['::1', IPV6, false],
  ['10.0.0.0/8', IPV6, false],
  ['fd00::/8', 'https://10.1.2.3', false]
]
for (const [noProxy, url, expected] of EXEMPT) {
  t.test(`NO_PROXY=${noProxy} ${expected ? 'exempts' : 'does not exempt'} ${url}`, async (t) => {
    t.equal(isExempt(new URL(url), noProxy), expected)
  })
}
