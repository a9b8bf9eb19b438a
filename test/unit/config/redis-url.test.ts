import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ConfigError, readConfig } from '../../../src/config/read-config.ts'
import type { RedisServer } from '../../../src/config/redis-url.ts'
import { callbackUrlLength } from '../../../src/crypto/callback-token.ts'

const CANARY = 'canary7f3a'
const NEEDED = {
  PUBLIC_URL: 'https://hooks.example.com',
  API_TOKENS: 'ann:token-of-16-chars',
  SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`
}
const LOCAL = { host: 'h', port: 6379, username: null, password: null, database: 0, isTls: false }

const understood: [url: string, expected: Partial<RedisServer>][] = [
  ['redis://h', {}],
  ['redis://h/', {}],
  ['redis://h/0', {}],
  ['redis://h/15', { database: 15 }],
  ['redis://h:1', { port: 1 }],
  ['redis://my_redis-1.example', { host: 'my_redis-1.example' }],
  ['redis://10.0.0.7:7000/3', { host: '10.0.0.7', port: 7000, database: 3 }],
  ['redis://[::1]', { host: '::1' }],
  ['redis://:pw@[fd00::7]:7000', { host: 'fd00::7', port: 7000, password: 'pw' }],
  ['rediss://h', { isTls: true }],
  ['redis://user@h', { username: 'user' }],
  ['redis://:pw@h', { password: 'pw' }],
  ['redis://us%65r:p%25w%2F%3F%23%40%3A@h', { username: 'user', password: 'p%w/?#@:' }],
  ['redis://user:p:w=+&@h', { username: 'user', password: 'p:w=+&' }],
  ['redis://user:ñ%C3%B1@h', { username: 'user', password: 'ññ' }],
  ['redis://:@h', {}],
  ['redis://h?', {}]
]
for (const [url, expected] of understood) {
  t.test(`${url} is understood`, async (t) => {
    t.strictSame(readConfig(callbackUrlLength, { ...NEEDED, REDIS_URL: url }).redis, {
      ...LOCAL,
      ...expected,
      ca: null
    })
  })
}

const address = /^must be an address: its host or port is not one/
const host = /^must name a host/
const encoded = /^has a % in user or password/
const database = /^must have the number of a database/
const parameters = /^must have no parameters/
const form = /^must be a redis:\/\/ or rediss:\/\/ address$/
const refused: [url: string, ...faults: [RegExp, ...RegExp[]]][] = [
  ['redis:///run/canary7f3a.sock', host, database],
  ['redis:///', host],
  ['redis:///0', host],
  ['rediss:///3', host],
  ['/run/canary7f3a.sock', form],
  ['unix:///run/canary7f3a.sock', form],
  ['redis://', form],
  ['redis:h', form],
  ['redis://:canary7f3a@', address],
  ['redis://h:0', address],
  ['redis://h:65536', address],
  ['redis://h:canary7f3a', address],
  ['redis://ca%nary', address],
  ['redis://canary%37f3a', address],
  ['redis://[::1', address],
  ['redis://a,b', address],
  ['redis://user:canary7f3a%@h', encoded],
  ['redis://user:%zz@h', encoded],
  ['redis://us%er:pw@h', encoded],
  ['redis://user:%FF@h', encoded],
  ['redis://user:canary/7f3a@h', address],
  ['redis://user:canary#7f3a@h', address],
  ['redis://h/canary7f3a', database],
  ['redis://h/prod', database],
  ['redis://h/-1', database],
  ['redis://h/1.5', database],
  ['redis://h/1e3', database],
  ['redis://h/0x1', database],
  ['redis://h/%31', database],
  ['redis://h/1/', database],
  ['redis://h//1', database],
  ['redis://h/1234567890', database],
  ['redis://h?keyPrefix=canary7f3a', parameters],
  ['redis://h/1?db=2', parameters],
  ['redis://h?tls=true&family=6', parameters],
  ['redis://h/0#canary7f3a', /^must have no fragment/],
  ['redis://%:pw@h/prod?canary7f3a', encoded, database, parameters]
]
for (const [url, ...faults] of refused) {
  t.test(`${url} is refused, by its name alone`, async (t) => {
    const message = messageOf({ ...NEEDED, REDIS_URL: url })
    const [first, ...lines] = message.split('\n')
    t.equal(first, 'The configuration is wrong:')
    const told = lines.map((line) => line.replace(/^ {2}- REDIS_URL /, ''))
    t.equal(told.length, faults.length)
    t.match(told, faults)
    t.notMatch(message, /canary|7f3a|prod/)
    t.notMatch(message, CANARY)
  })
}

t.test('a wrong address is told of beside everything else, once', async (t) => {
  const message = messageOf({ ...NEEDED, REDIS_URL: 'redis://h/prod', ROLE: 'x', PUBLIC_URL: '' })
  t.equal(message.match(/REDIS_URL/g)?.length, 1)
  t.match(message, /ROLE must be one of/)
  t.match(message, /PUBLIC_URL is required/)
})

function messageOf(env: Record<string, string>): string {
  try {
    readConfig(callbackUrlLength, env)
    return ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
  }
}
