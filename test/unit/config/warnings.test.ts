import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../../src/config/read-config.ts'
import { SECRETS, SETTINGS } from '../../../src/config/settings.ts'
import { callbackUrlLength } from '../../../src/crypto/callback-token.ts'

const CANARY = 'canary7f3a'
const NEEDED = {
  PUBLIC_URL: 'https://hooks.example.com',
  API_TOKENS: 'ann:token-of-16-chars',
  SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`
}
const warnings = (env: Readonly<Record<string, string>>) =>
  readConfig(callbackUrlLength, { ...NEEDED, ...env }).warnings

const mistyped: [name: string, meant: string][] = [
  ['CALLBACK_TIMEOUTS', 'CALLBACK_TIMEOUT'],
  ['CALLBACK_TIMOUT', 'CALLBACK_TIMEOUT'],
  ['CALBACK_TIMEOUT', 'CALLBACK_TIMEOUT'],
  ['CALLBACK_TIMEOUT_MS', 'CALLBACK_TIMEOUT'],
  ['CALLBACK_TIMEOUT_SECONDS', 'CALLBACK_TIMEOUT'],
  ['KHIPU_CALLBACK_TIMEOUT', 'CALLBACK_TIMEOUT'],
  ['KHIPU_RECEIVER_CALLBACK_TIMEOUT', 'CALLBACK_TIMEOUT'],
  ['callback_timeout', 'CALLBACK_TIMEOUT'],
  ['CALLBACK-TIMEOUT', 'CALLBACK_TIMEOUT'],
  ['CALLBACKTIMEOUT', 'CALLBACK_TIMEOUT'],
  ['REDIS_URI', 'REDIS_URL'],
  ['REDIS_ULR', 'REDIS_URL'],
  ['PUBLIC_URLS', 'PUBLIC_URL'],
  ['PUBLIC_URL_FILE', 'PUBLIC_URL'],
  ['API_TOKEN', 'API_TOKENS'],
  ['API_TOKEN_FILE', 'API_TOKENS_FILE'],
  ['KHIPU_API_TOKENS', 'API_TOKENS'],
  ['KHIPU_APIKEY', 'KHIPU_API_KEY'],
  ['KHIPU_JWT_PATH', 'KHIPU_JWT'],
  ['RETRY_POLICY', 'RETRY_POLICY_FILE'],
  ['SECRETS_KEYS', 'SECRET_KEYS'],
  ['BODY_LIMIT_MB', 'BODY_LIMIT'],
  ['ROLES', 'ROLE'],
  ['LOGLEVEL', 'LOG_LEVEL']
]
for (const [name, meant] of mistyped) {
  t.test(`${name} is probably ${meant}`, async (t) => {
    t.strictSame(warnings({ [name]: CANARY }), [
      `${name} is no setting of this service, and has no effect: is it ${meant}?`
    ])
    t.strictSame(warnings({ [name]: ' ' }), [], 'but not where it is empty')
  })
}

t.test('what others have in the environment is no mistake', async (t) => {
  const names = [
    ...['PATH', 'HOME', 'HOST', 'HOSTNAME', 'PORT', 'USER', 'SHELL', 'PWD', 'LANG', 'TZ', 'TERM'],
    ...[
      'LOGNAME',
      'NODE_ENV',
      'NODE_OPTIONS',
      'NODE_VERSION',
      'YARN_VERSION',
      'NODE_EXTRA_CA_CERTS'
    ],
    ...[
      'HTTP_PROXY',
      'HTTPS_PROXY',
      'NO_PROXY',
      'ALL_PROXY',
      'FTP_PROXY',
      'https_proxy',
      'no_proxy'
    ],
    ...['KUBERNETES_SERVICE_HOST', 'REDIS_SERVICE_HOST', 'REDIS_PORT', 'REDIS_PORT_6379_TCP'],
    ...['PUBLIC_PORT_3000_TCP', 'PUBLIC_PORT_3000_TCP_ADDR', 'ADMIN_SERVICE_PORT'],
    ...[
      'REDIS_HOST',
      'REDIS_USER',
      'REDIS_PASSWORD',
      'REDIS_DB',
      'REDIS_TLS_URL',
      'OTHER_REDIS_URL'
    ],
    ...['AWS_ROLE_ARN', 'DATABASE_URL', 'RESULT_KEYS', 'PUBLIC_KEY', 'MAIN', 'INVOCATION_ID'],
    ...['DOCKER_HOST', 'SSL_CERT_FILE', 'HISTSIZE', 'npm_config_registry', 'NEW_RELIC_LOG_LEVEL']
  ]
  t.strictSame(
    warnings(
      Object.fromEntries(
        names.map((name) => [name, /proxy/i.test(name) ? 'http://proxy:3128' : 'x'])
      )
    ),
    []
  )
})

t.test('no setting is taken for another', async (t) => {
  const names = [...Object.keys(SETTINGS.properties), ...SECRETS.map((name) => `${name}_FILE`)]
  const files = t.testdir({ secret: 'x' })
  for (const name of names.filter((one) => one.endsWith('_FILE'))) {
    const env = { [name]: join(files, 'secret') }
    const told = ((): readonly string[] => {
      try {
        return warnings(env)
      } catch {
        return []
      }
    })()
    t.strictSame(told, [], name)
  }
})

const quoted: [name: string, value: string, warning: RegExp][] = [
  ['KHIPU_API_KEY', `"${CANARY}"`, /^KHIPU_API_KEY is in quotes/],
  ['KHIPU_JWT', `'${CANARY}'`, /^KHIPU_JWT is in quotes/],
  ['REDIS_SENTINEL_PASSWORD', `"${CANARY}"`, /^REDIS_SENTINEL_PASSWORD is in quotes/],
  ['QUEUE_PREFIX', `"${CANARY}"`, /^QUEUE_PREFIX is in quotes/],
  ['API_TOKENS', `ops:"${CANARY}"`, /^the token 'ops' of API_TOKENS is in quotes/],
  ['REDIS_URL', `redis://:"${CANARY}"@h`, /^the password in REDIS_URL is in quotes/]
]
for (const [name, value, warning] of quoted) {
  t.test(`${name}=${value} has quotes that are meant to go`, async (t) => {
    const told = warnings({ [name]: value })
    t.equal(told.length, 1)
    t.match(told, [warning])
    t.notMatch(told.join(), CANARY)
  })
}

t.test('quotes in a file of a secret are told of by the name of the variable', async (t) => {
  const KHIPU_API_KEY_FILE = join(t.testdir({ key: `"${CANARY}"\n` }), 'key')
  t.match(warnings({ KHIPU_API_KEY_FILE }), [/^KHIPU_API_KEY is in quotes/])
  t.strictSame(warnings({ KHIPU_API_KEY: `a"b"` }), [], 'others may be meant')
})

const addresses: [name: string, value: string, warned: boolean][] = [
  ['KHIPU_BASE_URL', 'https://api.khipu.com/v1', true],
  ['KHIPU_BASE_URL', 'https://api.khipu.com/v1/', true],
  ['KHIPU_BASE_URL', 'https://gateway.example/khipu/v1', true],
  ['KHIPU_BASE_URL', 'https://api.khipu.com/v1/cl/banking', true],
  ['KHIPU_BASE_URL', 'https://gateway.example/khipu', false],
  ['KHIPU_BASE_URL', 'https://gateway.example/v10', false],
  ['PUBLIC_URL', 'https://hooks.example/callbacks', true],
  ['PUBLIC_URL', 'https://hooks.example/khipu/callbacks/', true],
  ['PUBLIC_URL', 'https://hooks.example/v1', false],
  ['PUBLIC_URL', 'https://callbacks', false]
]
for (const [name, value, warned] of addresses) {
  t.test(`${name}=${value} is ${warned ? 'probably a mistake' : 'fine'}`, async (t) => {
    const told = warnings({ [name]: value })
    t.equal(told.length, warned ? 1 : 0)
    t.ok(told.every((warning) => warning.startsWith(`${name} `)))
  })
}

t.test('a key that is no chance is told of, and not shown', async (t) => {
  const weak = Buffer.from('0123456789'.repeat(4)).subarray(0, 32)
  const SECRET_KEYS = `${NEEDED.SECRET_KEYS},k2:${weak.toString('base64')}`
  const told = warnings({ SECRET_KEYS })
  t.match(told, [/^key 'k2' of SECRET_KEYS does not look random/])
  t.equal(told.length, 1)
  t.notMatch(told.join(), weak.toString('base64'))
})
