import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { type Config, ConfigError, readConfig } from '../../../src/config/read-config.ts'
import { CALLBACK_URL_LIMIT } from '../../../src/config/checks.ts'
import { toMs, toPolicy } from '../../../src/config/retry-policy.ts'
import { forgetSecrets } from '../../../src/config/secrets.ts'
import { SECRETS, SETTINGS } from '../../../src/config/settings.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import {
  callbackUrl,
  callbackUrlLength,
  createCapabilities
} from '../../../src/crypto/callback-token.ts'
import { check } from '../../../src/schemas/validate.ts'

type Environment = Readonly<Record<string, string | undefined>>

const CANARY = 'canary7f3a'
const REQUEST_ID = '01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'
const bytesOf = (seed: number) => createHash('sha256').update(`${seed}`).digest()
const key = (seed: number) => bytesOf(seed).toString('base64')
const NEEDED = {
  PUBLIC_URL: 'https://hooks.example.com',
  API_TOKENS: 'ann:token-1',
  SECRET_KEYS: `k1:${key(1)}`
}

const REDIS = {
  host: '127.0.0.1',
  port: 6379,
  username: null,
  password: null,
  database: 0,
  isTls: false,
  ca: null
}

const read = (env: Environment): Config => readConfig(callbackUrlLength, env)

/** The faults that the one message lists, none where the configuration is right. */
function faultsIn(env: Environment): string[] {
  try {
    read(env)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [first, ...faults] = error.message.split('\n')
    if (first !== 'The configuration is wrong:') throw error
    return faults.map((fault) => fault.replace(/^ {2}- /, ''))
  }
}

t.test('the schema of the settings is a valid one', async (t) => {
  const ajv = new Ajv()
  ajv.addKeyword('form')
  t.equal(ajv.validateSchema(SETTINGS), true, ajv.errorsText())
})

t.test('needs no more than three variables, and has a default for the others', async (t) => {
  t.strictSame(read(NEEDED), {
    role: 'all',
    redis: REDIS,
    ackReplicas: 0,
    publicUrl: 'https://hooks.example.com',
    publicListener: { host: '0.0.0.0', port: 3000 },
    adminListener: { host: '127.0.0.1', port: 3001 },
    metricsListener: null,
    trustedProxies: [],
    maxConnections: 2000,
    refusals: { perAddress: 1000, inAll: 10_000 },
    khipuBaseUrl: 'https://api.khipu.com',
    khipuAuthorization: null,
    khipuProxy: null,
    requestTimeoutMs: 190_000,
    singleFlight: true,
    apiTokens: [{ name: 'ann', scope: 'admin', token: 'token-1' }],
    secretKeys: [{ kid: 'k1', bytes: bytesOf(1) }],
    policy: BUILT_IN_POLICY,
    callbackTimeoutMs: 1_800_000,
    resultQueue: 'khipu-results',
    sealResults: false,
    queuePrefix: 'khipu',
    partitions: 1,
    resultRetentionMs: 259_200_000,
    ledgerRetentionMs: 2_592_000_000,
    quarantine: { mostEntries: 10_000, mostBytes: 268_435_456, retentionMs: 2_592_000_000 },
    spool: null,
    workerConcurrency: 20,
    sweepIntervalMs: 15_000,
    shutdownDelayMs: 3000,
    bodyLimit: 10_485_760,
    bodyValues: 1_000_000,
    logLevel: 'info',
    warnings: []
  })
})

const QUARANTINE = { mostEntries: 10_000, mostBytes: 268_435_456, retentionMs: 2_592_000_000 }
const understood: [name: string, value: string, expected: Partial<Config>][] = [
  ['ROLE', 'all', { role: 'all' }],
  ['ROLE', 'server', { role: 'server' }],
  ['ROLE', 'worker', { role: 'worker' }],
  [
    'REDIS_URL',
    'redis://:pw@redis:6380/2',
    { redis: { ...REDIS, host: 'redis', port: 6380, password: 'pw', database: 2 } }
  ],
  ['REDIS_URL', 'rediss://redis', { redis: { ...REDIS, host: 'redis', isTls: true } }],
  ['PUBLIC_URL', 'http://a', { publicUrl: 'http://a' }],
  ['PUBLIC_URL', 'https://a/', { publicUrl: 'https://a' }],
  ['PUBLIC_URL', 'https://a:8443/b/c//', { publicUrl: 'https://a:8443/b/c' }],
  ['PUBLIC_HOST', '::', { publicListener: { host: '::', port: 3000 } }],
  ['PUBLIC_PORT', '0', { publicListener: { host: '0.0.0.0', port: 0 } }],
  ['PUBLIC_PORT', '65535', { publicListener: { host: '0.0.0.0', port: 65535 } }],
  ['ADMIN_HOST', '0.0.0.0', { adminListener: { host: '0.0.0.0', port: 3001 } }],
  ['ADMIN_PORT', '80', { adminListener: { host: '127.0.0.1', port: 80 } }],
  ['METRICS_PORT', '9464', { metricsListener: { host: '127.0.0.1', port: 9464 } }],
  ['METRICS_HOST', '0.0.0.0', { metricsListener: null }],
  ['TRUST_PROXY', '10.0.0.7', { trustedProxies: ['10.0.0.7'] }],
  ['TRUST_PROXY', '10.0.0.7, fd00::/8', { trustedProxies: ['10.0.0.7', 'fd00::/8'] }],
  ['MAX_CONNECTIONS', '1', { maxConnections: 1 }],
  ['REFUSALS_PER_ADDRESS', '5', { refusals: { perAddress: 5, inAll: 10_000 } }],
  ['REFUSALS_IN_ALL', '5', { refusals: { perAddress: 1000, inAll: 5 } }],
  ['SINGLE_FLIGHT', 'false', { singleFlight: false }],
  ['QUARANTINE_RETENTION', '1d', { quarantine: { ...QUARANTINE, retentionMs: 86_400_000 } }],
  ['QUARANTINE_ENTRIES', '1', { quarantine: { ...QUARANTINE, mostEntries: 1 } }],
  ['QUARANTINE_SIZE', '11mb', { quarantine: { ...QUARANTINE, mostBytes: 11_534_336 } }],
  ['SPOOL_DIR', '/spool', { spool: { folder: '/spool', mostBytes: 268_435_456 } }],
  ['SPOOL_LIMIT', '1mb', { spool: null }],
  ['KHIPU_BASE_URL', 'http://localhost:9/', { khipuBaseUrl: 'http://localhost:9' }],
  ['KHIPU_API_KEY', 'k', { khipuAuthorization: { apiKey: 'k' } }],
  ['KHIPU_JWT', 'a.b.c', { khipuAuthorization: { jwt: 'a.b.c' } }],
  ['KHIPU_REQUEST_TIMEOUT', '500ms', { requestTimeoutMs: 500 }],
  ['CALLBACK_TIMEOUT', '45s', { callbackTimeoutMs: 45_000 }],
  ['RESULT_QUEUE', 'other.queue', { resultQueue: 'other.queue' }],
  ['SEAL_RESULTS', 'true', { sealResults: true }],
  ['SEAL_RESULTS', 'false', {}],
  ['QUEUE_PREFIX', '{khipu}', { queuePrefix: '{khipu}' }],
  ['RESULT_RETENTION', '2h', { resultRetentionMs: 7_200_000 }],
  ['LEDGER_RETENTION', '1d', { ledgerRetentionMs: 86_400_000 }],
  ['WORKER_CONCURRENCY', '1', { workerConcurrency: 1 }],
  ['WORKER_CONCURRENCY', '1000', { workerConcurrency: 1000 }],
  ['SWEEP_INTERVAL', '1m', { sweepIntervalMs: 60_000 }],
  ['BODY_LIMIT', '512kb', { bodyLimit: 524_288 }],
  ['BODY_VALUES', '5000', { bodyValues: 5000 }],
  ['BODY_LIMIT', '100b', { bodyLimit: 100 }],
  ['LOG_LEVEL', 'silent', { logLevel: 'silent' }],
  ['SHUTDOWN_DELAY', '0s', { shutdownDelayMs: 0 }],
  ['SHUTDOWN_DELAY', '0ms', { shutdownDelayMs: 0 }],
  ['SHUTDOWN_DELAY', '30s', { shutdownDelayMs: 30_000 }],
  ['SHUTDOWN_DELAY', '9999m', { shutdownDelayMs: 599_940_000 }]
]
for (const [name, value, expected] of understood) {
  t.test(`${name}=${value} is understood, and changes nothing else`, async (t) => {
    t.strictSame(read({ ...NEEDED, [name]: value }), { ...read(NEEDED), ...expected })
  })
}

const aDuration = 'must be a duration such as 500ms, 30m or 4h'
const anAddress = 'must be an http:// or https:// address without user, query or fragment'
const aName = 'must have no colon and no space'
const aSize = 'must be a size such as 512kb or 10mb'
const keys = 'must be kid:base64 of 32 bytes, separated by commas, each kid once'
const oneByte = 'has a key of one repeated byte: make a random one'
const tokens = 'must be name:token or name/scope:token, separated by commas, each name once'
const networks = 'must be addresses and networks such as 10.0.0.7,192.168.0.0/16'
const endpoints = 'must be host:port, and more of them after commas'
const aDelay = 'must be a duration such as 0s, 500ms or 10s'
const wrong: [name: string, value: string, message: string | RegExp][] = [
  ['SHUTDOWN_DELAY', '0', aDelay],
  ['SHUTDOWN_DELAY', '-1s', aDelay],
  ['SHUTDOWN_DELAY', '1.5s', aDelay],
  ['SHUTDOWN_DELAY', '00s', aDelay],
  // Node's timers can't wait so long, and would not wait at all.
  ['SHUTDOWN_DELAY', '30d', aDelay],
  ['ROLE', CANARY, /^must be .*one of/],
  ['ROLE', 'ALL', /^must be .*one of/],
  ['ROLE', 'constructor', /^must be .*one of/],
  ['REDIS_URL', CANARY, 'must be a redis:// or rediss:// address'],
  ['REDIS_URL', `http://${CANARY}`, 'must be a redis:// or rediss:// address'],
  ['REDIS_URL', `redis://${CANARY} `, 'must be a redis:// or rediss:// address'],
  ['REDIS_CLUSTER', CANARY, endpoints],
  ['REDIS_CLUSTER', `${CANARY}:1,`, endpoints],
  ['REDIS_SENTINELS', `redis://${CANARY}:1`, endpoints],
  ['REDIS_SENTINELS', `a:1,b`, endpoints],
  ['TRUST_PROXY', CANARY, networks],
  ['TRUST_PROXY', `10.0.0.1,${CANARY}`, networks],
  ['TRUST_PROXY', 'true', networks],
  ['TRUST_PROXY', '10.0.0.0/33', networks],
  ['TRUST_PROXY', '10.0.0.0/8/8', networks],
  ['TRUST_PROXY', '::1/129', networks],
  ['TRUST_PROXY', '0.0.0.0/0', networks],
  ['TRUST_PROXY', '::/0', networks],
  ['MAX_CONNECTIONS', '0', 'must be >= 1'],
  ['SINGLE_FLIGHT', CANARY, 'must be true or false'],
  ['SEAL_RESULTS', CANARY, 'must be true or false'],
  ['QUARANTINE_SIZE', CANARY, aSize],
  ['QUARANTINE_SIZE', '9mb', 'must be at least BODY_LIMIT'],
  ['ACK_REPLICAS', '6', 'must be <= 5'],
  ['PARTITIONS', '0', 'must be >= 1'],
  ['PARTITIONS', '65', 'must be <= 64'],
  ['SPOOL_LIMIT', CANARY, aSize],
  ['SPOOL_DIR', CANARY, 'must be an absolute path'],
  ['PUBLIC_URL', CANARY, anAddress],
  ['PUBLIC_URL', `ftp://${CANARY}`, anAddress],
  ['PUBLIC_URL', `https://${CANARY}?a=1`, anAddress],
  ['PUBLIC_URL', `https://${CANARY}#a`, anAddress],
  ['PUBLIC_URL', `https://${CANARY}:pw@a`, anAddress],
  ['PUBLIC_URL', `https://${CANARY} `, anAddress],
  ['KHIPU_BASE_URL', `//${CANARY}`, anAddress],
  ['PUBLIC_PORT', CANARY, 'must be integer'],
  ['PUBLIC_PORT', '80.5', 'must be integer'],
  ['PUBLIC_PORT', '-1', 'must be >= 0'],
  ['ADMIN_PORT', '65536', 'must be <= 65535'],
  ['METRICS_PORT', CANARY, 'must be integer'],
  ['METRICS_PORT', '65536', 'must be <= 65535'],
  ['KHIPU_REQUEST_TIMEOUT', CANARY, aDuration],
  ['CALLBACK_TIMEOUT', '30', aDuration],
  ['CALLBACK_TIMEOUT', '0s', aDuration],
  ['CALLBACK_TIMEOUT', '1.5h', aDuration],
  ['CALLBACK_TIMEOUT', '-1h', aDuration],
  ['CALLBACK_TIMEOUT', '1 h', aDuration],
  ['CALLBACK_TIMEOUT', '1w', aDuration],
  ['CALLBACK_TIMEOUT', '30M', aDuration],
  ['RESULT_RETENTION', CANARY, aDuration],
  ['LEDGER_RETENTION', CANARY, aDuration],
  ['SWEEP_INTERVAL', CANARY, aDuration],
  ['RESULT_QUEUE', `${CANARY}:a`, aName],
  ['QUEUE_PREFIX', `${CANARY} a`, aName],
  ['WORKER_CONCURRENCY', '0', 'must be >= 1'],
  ['WORKER_CONCURRENCY', '1001', 'must be <= 1000'],
  ['WORKER_CONCURRENCY', CANARY, 'must be integer'],
  ['BODY_LIMIT', CANARY, aSize],
  ['BODY_LIMIT', '0mb', aSize],
  ['BODY_LIMIT', '10', aSize],
  ['BODY_LIMIT', '1gb', aSize],
  ['LOG_LEVEL', CANARY, /^must be .*one of/],
  ['SECRET_KEYS', CANARY, keys],
  ['SECRET_KEYS', `${CANARY}:`, keys],
  ['SECRET_KEYS', `:${key(1)}`, keys],
  ['SECRET_KEYS', `k1 ${key(1)}`, keys],
  ['SECRET_KEYS', `k1:${Buffer.alloc(31).toString('base64')}`, keys],
  ['SECRET_KEYS', `k1:${Buffer.alloc(33).toString('base64')}`, keys],
  ['SECRET_KEYS', `k1:${key(1)}!`, keys],
  ['SECRET_KEYS', `${'k'.repeat(17)}:${key(1)}`, keys],
  ['SECRET_KEYS', `k.1:${key(1)}`, keys],
  ['SECRET_KEYS', `k1:${key(1)},`, keys],
  ['SECRET_KEYS', `k1:${key(1)},k2`, keys],
  ['SECRET_KEYS', `k1:${key(1)},k1:${key(2)}`, keys],
  ['API_TOKENS', CANARY, tokens],
  ['API_TOKENS', `${CANARY}:`, tokens],
  ['API_TOKENS', `:${CANARY}`, tokens],
  ['API_TOKENS', `ann:${CANARY} x`, tokens],
  ['API_TOKENS', `a n:${CANARY}`, tokens],
  ['API_TOKENS', `${'a'.repeat(65)}:x`, tokens],
  ['API_TOKENS', `ann:${CANARY},`, tokens],
  ['API_TOKENS', `ann:a,bob`, tokens],
  ['API_TOKENS', `ann:a,ann:b`, tokens],
  ['API_TOKENS', `ann:a,ann/read:b`, tokens],
  ['API_TOKENS', `ann:${CANARY},bob/read:${CANARY}`, 'has the same token under two names'],
  ['SECRET_KEYS', `k1:${key(1)},k2:${key(1)}`, 'has the same bytes under two kids'],
  ['SECRET_KEYS', `k1:${Buffer.alloc(32).toString('base64')}`, oneByte],
  ['SECRET_KEYS', `k1:${key(1)},k2:${Buffer.alloc(32, 'a').toString('base64url')}`, oneByte],
  ['API_TOKENS', `ann/root:${CANARY}`, tokens],
  ['RETRY_POLICY_FILE', `/${CANARY}.json`, 'names a file that cannot be read as JSON']
]
for (const [name, value, message] of wrong) {
  t.test(`${name}=${value} is refused, by its name alone`, async (t) => {
    const [fault = '', ...others] = faultsIn({ ...NEEDED, [name]: value })
    t.strictSame(others, [], 'one fault')
    t.equal(fault.slice(0, name.length + 1), `${name} `)
    t.match(fault.slice(name.length + 1), message)
    t.notMatch(fault, CANARY)
  })
}

t.test('a spool has room for one callback of any size', async (t) => {
  const spool = { SPOOL_DIR: '/spool', BODY_LIMIT: '1mb' }
  t.same(faultsIn({ ...NEEDED, ...spool, SPOOL_LIMIT: '2mb' }), [])
  t.same(faultsIn({ ...NEEDED, ...spool, SPOOL_LIMIT: '1mb' }), [
    'SPOOL_LIMIT must be more than BODY_LIMIT'
  ])
})

t.test('lists every fault in one message, and no value', async (t) => {
  const plain = Object.keys(SETTINGS.properties).filter(
    (name) => !/_HOST$|^REDIS_SENTINEL_|^NO_PROXY$/.test(name)
  )
  const env = {
    ...Object.fromEntries(plain.map((name) => [name, CANARY])),
    RESULT_QUEUE: `${CANARY}:`,
    QUEUE_PREFIX: `${CANARY}:`,
    KHIPU_API_KEY_FILE: `/${CANARY}`,
    UNKNOWN: CANARY
  }
  const faults = faultsIn(env)
  for (const name of plain) {
    const own = faults.filter((fault) => new RegExp(`(^|and )${name} `).test(fault))
    t.equal(own.length, name === 'KHIPU_API_KEY' ? 2 : 1, name)
  }
  t.equal(faults.filter((fault) => fault.startsWith('KHIPU_API_KEY_FILE ')).length, 1)
  t.equal(faults.length, plain.length + 1)
  t.notMatch(faults.join('\n'), CANARY)
  t.throws(() => read(env), { name: 'ConfigError' })
})

t.test('each partition of the quarantine must hold a body', async (t) => {
  t.strictSame(faultsIn({ ...NEEDED, PARTITIONS: '26' }), [
    'QUARANTINE_SIZE must be at least BODY_LIMIT, for each of the PARTITIONS'
  ])
  t.equal(read({ ...NEEDED, PARTITIONS: '25' }).partitions, 25)
})

t.test('lists what is missing', async (t) => {
  const missing = ['PUBLIC_URL is required', 'API_TOKENS is required', 'SECRET_KEYS is required']
  t.strictSame(faultsIn({}), missing)
  const empty = { PUBLIC_URL: '', API_TOKENS: '', SECRET_KEYS: undefined }
  t.strictSame(faultsIn(empty), missing, 'an empty value is none')
  t.strictSame(faultsIn({ ...NEEDED, ROLE: '', PUBLIC_PORT: '', KHIPU_JWT: '' }), [])
})

t.test('lists a missing variable beside a wrong one', async (t) => {
  const { PUBLIC_URL } = NEEDED
  const faults = faultsIn({ PUBLIC_URL, API_TOKENS: 'x', PUBLIC_PORT: 'x' })
  t.strictSame(faults.map((fault) => fault.replace(/ .*/, '')).toSorted(), [
    'API_TOKENS',
    'PUBLIC_PORT',
    'SECRET_KEYS'
  ])
})

t.test('keys and tokens', async (t) => {
  t.test('come in the order in which they are given, the first one first', async (t) => {
    const url = bytesOf(255).toString('base64url')
    const env = { ...NEEDED, SECRET_KEYS: ` new_-1:${url} , old:${key(2)}` }
    t.strictSame(read(env).secretKeys, [
      { kid: 'new_-1', bytes: bytesOf(255) },
      { kid: 'old', bytes: bytesOf(2) }
    ])
  })
  t.test('of several people are told apart', async (t) => {
    t.strictSame(read({ ...NEEDED, API_TOKENS: 'ann/read:a:b=, b.o-b_2:~!' }).apiTokens, [
      { name: 'ann', scope: 'read', token: 'a:b=' },
      { name: 'b.o-b_2', scope: 'admin', token: '~!' }
    ])
  })
})

t.test('the authority of Redis is a certificate, and for TLS alone', async (t) => {
  const pem = '-----BEGIN CERTIFICATE-----'
  const folder = t.testdir({ 'ca.pem': pem, 'other.pem': CANARY })
  const faults = (REDIS_URL: string, file: string) =>
    faultsIn({ ...NEEDED, REDIS_URL, REDIS_CA_FILE: join(folder, file) })
  const config = read({
    ...NEEDED,
    REDIS_URL: 'rediss://redis',
    REDIS_CA_FILE: join(folder, 'ca.pem')
  })
  t.strictSame(config.redis, { ...REDIS, host: 'redis', isTls: true, ca: pem })
  t.strictSame(faults('rediss://redis', 'other.pem'), [
    'REDIS_CA_FILE names a file without a certificate'
  ])
  t.strictSame(faults('rediss://redis', 'none.pem'), [
    'REDIS_CA_FILE names a file that cannot be read'
  ])
  t.strictSame(faults('redis://redis', 'ca.pem'), [
    'REDIS_CA_FILE is for TLS alone: REDIS_URL must begin with rediss://'
  ])
})

t.test('Redis may be a Cluster, or behind Sentinels', async (t) => {
  const url = 'rediss://user:pw@any'
  const nodes = [
    { host: 'a-1.example', port: 7000 },
    { host: '::1', port: 7001 }
  ]
  const text = 'a-1.example:7000,[::1]:7001'
  const cluster = { ...NEEDED, REDIS_URL: url, REDIS_CLUSTER: text, QUEUE_PREFIX: '{khipu}' }
  const any = { ...REDIS, host: 'any', username: 'user', password: 'pw', isTls: true }
  t.strictSame(read(cluster).redis, { ...any, cluster: nodes })
  const sentinels = { ...NEEDED, REDIS_URL: url, REDIS_SENTINELS: text }
  t.strictSame(read(sentinels).redis, {
    ...any,
    sentinel: { nodes, name: 'mymaster', password: null }
  })
  const named = { REDIS_SENTINEL_NAME: 'khipu', REDIS_SENTINEL_PASSWORD: 'pw' }
  t.match(read({ ...sentinels, ...named }).redis, { sentinel: { name: 'khipu', password: 'pw' } })

  t.strictSame(faultsIn({ ...cluster, REDIS_SENTINELS: text }), [
    'REDIS_SENTINELS and REDIS_CLUSTER are both given: a Cluster needs no Sentinel'
  ])
  for (const QUEUE_PREFIX of ['khipu', '{khipu', 'a{khipu}', '{}', '{a}{b}']) {
    t.strictSame(faultsIn({ ...cluster, QUEUE_PREFIX }), [
      'QUEUE_PREFIX must be in braces on a Cluster, as {khipu}: a queue lies in one slot'
    ])
  }
  t.strictSame(faultsIn({ ...cluster, REDIS_URL: 'redis://any:1/3' }), [
    'REDIS_URL must name no database: a Cluster has the first one alone'
  ])
  t.strictSame(faultsIn({ ...cluster, REDIS_URL: 'redis://any:1/0' }), [])
  t.strictSame(faultsIn({ ...cluster, ACK_REPLICAS: '1' }), [
    'ACK_REPLICAS is for one Redis and for Sentinel: give the masters of a Cluster min-replicas-to-write'
  ])
  t.equal(read({ ...sentinels, ACK_REPLICAS: '1' }).ackReplicas, 1)
})

t.test('one credential for Khipu, not two', async (t) => {
  const both = { KHIPU_JWT: `${CANARY}.jwt`, KHIPU_API_KEY: `${CANARY}.key` }
  const message = 'KHIPU_JWT and KHIPU_API_KEY are both given: Khipu takes one of them'
  t.strictSame(faultsIn({ ...NEEDED, ...both }), [message])
  const { KHIPU_JWT } = both
  const KHIPU_API_KEY_FILE = join(t.testdir({ key: CANARY }), 'key')
  t.strictSame(faultsIn({ ...NEEDED, KHIPU_JWT, KHIPU_API_KEY_FILE }), [message])
})

t.test('secrets are taken out of the environment once they are read', async (t) => {
  const env: Record<string, string | undefined> = { ...NEEDED, KHIPU_JWT: 'a.b.c', PATH: '/bin' }
  read(env)
  forgetSecrets(env)
  t.strictSame(env, { PUBLIC_URL: NEEDED.PUBLIC_URL, PATH: '/bin' })
})

t.test('a secret in a file', async (t) => {
  const secrets: Readonly<Record<string, [content: string, expected: Partial<Config>]>> = {
    REDIS_URL: ['redis://:pw@redis', { redis: { ...REDIS, host: 'redis', password: 'pw' } }],
    // Only Sentinels are told it.
    REDIS_SENTINEL_PASSWORD: ['pw', {}],
    KHIPU_API_KEY: ['k', { khipuAuthorization: { apiKey: 'k' } }],
    KHIPU_JWT: ['a.b.c', { khipuAuthorization: { jwt: 'a.b.c' } }],
    HTTPS_PROXY: [
      'http://proxy',
      { khipuProxy: { origin: new URL('http://proxy'), authorization: null } }
    ],
    // KHIPU_BASE_URL is https://.
    HTTP_PROXY: ['http://proxy', {}],
    API_TOKENS: ['bob:token-2', { apiTokens: [{ name: 'bob', scope: 'admin', token: 'token-2' }] }],
    SECRET_KEYS: [`k9:${key(9)}`, { secretKeys: [{ kid: 'k9', bytes: bytesOf(9) }] }]
  }
  t.strictSame([...SECRETS].toSorted(), Object.keys(secrets).toSorted(), 'every secret has a row')
  for (const [name, [content, expected]] of Object.entries(secrets)) {
    const { [name]: _, ...others }: Record<string, string> = NEEDED
    const files = { secret: ` ${content}\n`, empty: '\n', folder: {} }

    t.test(`${name}_FILE takes the place of ${name}`, async (t) => {
      const config = read({ ...others, [`${name}_FILE`]: join(t.testdir(files), 'secret') })
      t.strictSame(config, { ...read(NEEDED), ...expected })
    })
    t.test(`${name}_FILE beside ${name} is refused`, async (t) => {
      const env = { ...NEEDED, [name]: content, [`${name}_FILE`]: join(t.testdir(files), 'secret') }
      t.strictSame(faultsIn(env), [`${name} is given twice: take ${name} or ${name}_FILE`])
    })
    for (const file of [CANARY, 'folder']) {
      t.test(`${name}_FILE that names ${file} is refused`, async (t) => {
        const [fault, ...more] = faultsIn({
          ...others,
          [`${name}_FILE`]: join(t.testdir(files), file)
        })
        t.equal(fault, `${name}_FILE names a file that cannot be read`)
        t.ok(more.every((also) => also === `${name} is required`))
        t.notMatch([fault, ...more].join(), CANARY)
      })
    }
    t.test(`${name}_FILE that is empty is refused`, async (t) => {
      const faults = faultsIn({ ...others, [`${name}_FILE`]: join(t.testdir(files), 'empty') })
      t.equal(faults.length, 1)
      t.match(faults, [new RegExp(`^${name} `)])
    })
  }
  t.test('what the file holds is not echoed', async (t) => {
    const folder = t.testdir({ secret: CANARY })
    const files = SECRETS.map((name) => [`${name}_FILE`, join(folder, 'secret')] as const)
    const faults = faultsIn({ PUBLIC_URL: 'https://a', ...Object.fromEntries(files) })
    t.equal(faults.length, 6, 'five that must have a form, and two credentials')
    t.notMatch(faults.join(), CANARY)
    t.notMatch(faults.join(), folder)
  })
  t.test('is for secrets only', async (t) => {
    const PUBLIC_URL_FILE = join(t.testdir({ url: 'https://a' }), 'url')
    t.strictSame(faultsIn({ ...NEEDED, PUBLIC_URL: undefined, PUBLIC_URL_FILE }), [
      'PUBLIC_URL is required'
    ])
  })
})

t.test('a CallbackUrl fits in 255 characters', async (t) => {
  t.equal(CALLBACK_URL_LIMIT, 255)
  const longest = 255 - callbackUrlLength('', 'k1')
  const urlOf = (length: number) => 'https://'.padEnd(length, 'a')

  t.test('at exactly 255 it starts, and the URL is as long as that', async (t) => {
    const config = read({ ...NEEDED, PUBLIC_URL: urlOf(longest) })
    const token = createCapabilities(config.secretKeys).sign({ requestId: REQUEST_ID, attempt: 9 })
    t.equal(callbackUrl(config.publicUrl, token).length, 255)
  })
  t.test('slashes at the end do not count', async (t) => {
    t.strictSame(faultsIn({ ...NEEDED, PUBLIC_URL: `${urlOf(longest)}///` }), [])
  })
  for (const excess of [1, 2, 300]) {
    t.test(`at ${255 + excess} it does not`, async (t) => {
      t.strictSame(faultsIn({ ...NEEDED, PUBLIC_URL: urlOf(longest + excess) }), [
        `PUBLIC_URL is ${excess} characters too long: Khipu takes a CallbackUrl of 255`
      ])
    })
  }
  for (const SECRET_KEYS of [`k1:${key(1)},k22:${key(2)}`, `k22:${key(2)},k1:${key(1)}`]) {
    const which = SECRET_KEYS.startsWith('k1') ? 'last' : 'first'
    t.test(`the longest key id counts, also where it is the ${which}`, async (t) => {
      t.match(faultsIn({ ...NEEDED, SECRET_KEYS, PUBLIC_URL: urlOf(longest) }), [
        /^PUBLIC_URL is 1 characters too long/
      ])
      t.strictSame(faultsIn({ ...NEEDED, SECRET_KEYS, PUBLIC_URL: urlOf(longest - 1) }), [])
    })
  }
  t.test('keys that cannot be read do not hide other faults', async (t) => {
    const faults = faultsIn({ ...NEEDED, SECRET_KEYS: 'k', PUBLIC_URL: urlOf(longest + 300) })
    t.match(faults, [/^SECRET_KEYS /])
  })
})

t.test('the policy file', async (t) => {
  const fileOf = (content: unknown) => {
    const isRaw = typeof content === 'string' || Buffer.isBuffer(content)
    const text = isRaw ? content : JSON.stringify(content)
    return join(t.testdir({ 'policy.json': text }), 'policy.json')
  }
  const policyOf = (content: unknown) =>
    read({ ...NEEDED, RETRY_POLICY_FILE: fileOf(content) }).policy
  const { retry, parkedMaxMs } = BUILT_IN_POLICY

  t.test('that is empty changes nothing', async (t) => {
    t.strictSame(policyOf({}), BUILT_IN_POLICY)
    t.strictSame(policyOf({ retry: {}, park: {} }), BUILT_IN_POLICY)
  })

  const noCallback = { delays: ['1m', '10m'], jitter: 0.5, maxRetries: 7 }
  const temporary = { delays: ['1ms'], jitter: '3s', maxRetries: 0, retryAfterMax: '1d' }
  const partial: [what: string, content: object, expected: object][] = [
    [
      'one row of retry',
      { retry: { 'no-callback': noCallback } },
      {
        retry: {
          ...retry,
          'no-callback': {
            delaysMs: [60_000, 600_000],
            jitter: { share: 0.5 },
            maxRetries: 7,
            retryAfterMaxMs: 0
          }
        }
      }
    ],
    [
      'a row with a jitter in time, and a Retry-After',
      { retry: { temporary } },
      {
        retry: {
          ...retry,
          temporary: {
            delaysMs: [1],
            jitter: { upToMs: 3_000 },
            maxRetries: 0,
            retryAfterMaxMs: 86_400_000
          }
        }
      }
    ],
    [
      'one row of park',
      { park: { unauthorized: { failAfter: '1d' } } },
      { parkedMaxMs: { ...parkedMaxMs, unauthorized: 86_400_000 } }
    ],
    ['an age', { requestMaxAge: '24h' }, { requestMaxAgeMs: 86_400_000 }],
    ['a pace', { releasesPerSecond: 0.5 }, { releasesPerSecond: 0.5 }],
    ['the largest bounds', { maxAttempts: 100, probes: 100 }, { maxAttempts: 100, probes: 100 }]
  ]
  for (const [what, content, expected] of partial) {
    t.test(`with ${what} keeps the built-in's other rows`, async (t) => {
      t.strictSame(policyOf(content), { ...BUILT_IN_POLICY, ...expected })
    })
  }
  t.test('may bound the Retry-After of RETRY_IMMEDIATELY and of a refused log-on', async (t) => {
    for (const cause of ['retry-immediately', 'refused-logon'] as const) {
      const { retryAfterMax: _, ...row } = { ...temporary, maxRetries: 1 }
      const mostOf = (given: object) => policyOf({ retry: { [cause]: given } }).retry[cause]
      t.equal(mostOf({ ...row, retryAfterMax: '5m' }).retryAfterMaxMs, 300_000)
      t.equal(mostOf(row).retryAfterMaxMs, 14_400_000)
    }
  })
  const absent = 'whose row for `temporary` has no retryAfterMax keeps the built-in’s 4 h'
  t.test(absent, async (t) => {
    const { retryAfterMax: _, ...row } = temporary
    t.equal(policyOf({ retry: { temporary: row } }).retry.temporary.retryAfterMaxMs, 14_400_000)
  })
  t.test('cannot give a Retry-After to another row', async (t) => {
    const file = fileOf({ retry: { 'no-callback': { ...noCallback, retryAfterMax: '1h' } } })
    t.match(faultsIn({ ...NEEDED, RETRY_POLICY_FILE: file }), [/retryAfterMax/])
  })

  const row = { delays: ['1s'], jitter: 0, maxRetries: 1 }
  const broken: [what: string, content: unknown, faults: RegExp[]][] = [
    ['is no JSON', '{', [/^names a file that cannot be read as JSON$/]],
    ['is empty', '', [/^names a file that cannot be read as JSON$/]],
    ['is a list', [], [/^\/ must be object$/]],
    ['is null', null, [/^\/ must be object$/]],
    ['has an unknown key', { retries: {} }, [/^\/retries /]],
    [
      'has a key twice',
      '{"maxAttempts":1,"maxAttempts":100}',
      [/^\/maxAttempts is given more than once$/]
    ],
    [
      'has a key twice in a row',
      '{"retry":{"temporary":{"delays":["1s"],"jitter":0,"maxRetries":1,"maxRetries":9}}}',
      [/^\/retry\/temporary\/maxRetries is given more than once$/]
    ],
    [
      'has several keys twice, or three times, in whatever spelling',
      String.raw`{"probes":1,"probes":2,"park":{"unauthorized":{"failAfter":"1d"},"unauthori\u007aed":{}},"probes":3}`,
      [/^\/park\/unauthorized is given more than once$/, /^\/probes is given more than once$/]
    ],
    [
      'has a key twice in a list',
      '{"retry":{"temporary":{"delays":["1s",{"a":[1,2],"b":1,"a":2}]}}}',
      [/^\/retry\/temporary\/delays\/1\/a is given more than once$/]
    ],
    [
      'has a key twice that is no word',
      `{"retry":{"a\\nb: ${CANARY}":1,"a\\nb: ${CANARY}":2},"${CANARY.repeat(5)}":1,"${CANARY.repeat(5)}":2}`,
      [/^\/ has a key twice in one object$/, /^\/retry has a key twice in one object$/]
    ],
    ['is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), [/^is not UTF-8$/]],
    [
      'retries without end',
      {
        maxAttempts: 101,
        probes: 101,
        retry: {
          'no-callback': { ...row, maxRetries: 1e9 },
          temporary: { ...row, maxRetries: 51 }
        }
      },
      [
        /^\/maxAttempts must be <= 100$/,
        /^\/probes must be <= 100$/,
        /^\/retry\/no-callback\/maxRetries must be <= 50$/,
        /^\/retry\/temporary\/maxRetries must be <= 50$/
      ]
    ],
    ['allows no POST', { maxAttempts: 0 }, [/^\/maxAttempts must be >= 1$/]],
    [
      'has unknown causes',
      { retry: { constructor: row, rejected: row } },
      [/^\/retry\/constructor /, /^\/retry\/rejected /]
    ],
    [
      'has half a row',
      { retry: { temporary: { delays: ['1s'] } } },
      [/^\/retry\/temporary must have jitter$/, /^\/retry\/temporary must have maxRetries$/]
    ]
  ]
  for (const [what, content, expected] of broken) {
    t.test(`that ${what} is refused`, async (t) => {
      const faults = faultsIn({ ...NEEDED, RETRY_POLICY_FILE: fileOf(content) })
      t.match(faults.map((fault) => fault.replace(/^RETRY_POLICY_FILE /, '')).toSorted(), expected)
      t.equal(faults.length, expected.length)
    })
  }
  t.test('has each of its faults listed, with those of the variables, and no value', async (t) => {
    const content = {
      requestMaxAge: CANARY,
      releasesPerSecond: 0,
      retry: { temporary: { ...row, delays: [], maxRetries: -1, jitter: CANARY } },
      park: { unauthorized: { failAfter: CANARY } }
    }
    const faults = faultsIn({ ...NEEDED, RETRY_POLICY_FILE: fileOf(content), ROLE: CANARY })
    for (const where of [
      'ROLE',
      'RETRY_POLICY_FILE /requestMaxAge',
      'RETRY_POLICY_FILE /releasesPerSecond',
      'RETRY_POLICY_FILE /retry/temporary/delays',
      'RETRY_POLICY_FILE /retry/temporary/maxRetries',
      'RETRY_POLICY_FILE /retry/temporary/jitter',
      'RETRY_POLICY_FILE /park/unauthorized/failAfter'
    ]) {
      t.ok(
        faults.some((fault) => fault.startsWith(`${where} `)),
        where
      )
    }
    t.equal(faults.length, 7)
    t.notMatch(faults.join('\n'), CANARY)
  })
  t.test('has its repeated keys named, as many as other faults, and no value', async (t) => {
    const twice = Array.from({ length: 25 }, (_, at) => `"k${at}":"${CANARY}","k${at}":"${CANARY}"`)
    const faults = faultsIn({ ...NEEDED, RETRY_POLICY_FILE: fileOf(`{${twice.join()}}`) })
    t.equal(faults.length, 20)
    t.equal(faults[0], 'RETRY_POLICY_FILE /k0 is given more than once')
    t.notMatch(faults.join('\n'), CANARY)
  })
  t.test('of the examples is the built-in policy, written out in full', async (t) => {
    const file = new URL('../../../schemas/examples/retry-policy.example.json', import.meta.url)
    const example: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const checked = check('retry-policy', example, { list: 'all' })
    if (!checked.valid) throw new Error(JSON.stringify(checked.faults))
    t.strictSame(toPolicy(checked.value), BUILT_IN_POLICY)
    t.strictSame(policyOf(example), BUILT_IN_POLICY)
    t.strictSame(Object.keys(checked.value.retry ?? {}).toSorted(), Object.keys(retry).toSorted())
    const parkRows = Object.keys(checked.value.park ?? {})
    t.strictSame(parkRows.toSorted(), Object.keys(parkedMaxMs).toSorted())
    t.ok(checked.value.requestMaxAge && checked.value.releasesPerSecond, 'no row is left out')
  })
})

const durations: [text: string, ms: number][] = [
  ['1ms', 1],
  ['500ms', 500],
  ['0s', 0],
  ['45s', 45_000],
  ['30m', 1_800_000],
  ['4h', 14_400_000],
  ['7d', 604_800_000]
]
for (const [text, ms] of durations) {
  t.test(`${text} is ${ms} ms`, async (t) => {
    t.equal(toMs(text), ms)
  })
}

t.test('is checked once, and then frozen', async (t) => {
  t.ok(Object.isFrozen(read(NEEDED)))
})

t.test('leaves the environment as it is', async (t) => {
  const env = Object.freeze({ ...NEEDED, ROLE: 'worker' })
  read(env)
  t.strictSame(env, { ...NEEDED, ROLE: 'worker' })
})

t.test('asks nothing of variables that are not its own', async (t) => {
  const env = { ...NEEDED, PATH: '/bin', HOME: '/', npm_config_x: 'y' }
  t.strictSame(read(env), read(NEEDED))
})

const hostile: [what: string, env: Record<string, string>][] = [
  ['a variable named toString', { toString: 'x' }],
  ['a variable named constructor', { constructor: 'x' }]
]
for (const [what, env] of hostile) {
  t.test(`asks nothing of ${what}`, async (t) => {
    t.strictSame(faultsIn({ ...NEEDED, ...env }), [])
  })
}

const unmeant: [what: string, name: string, value: string][] = [
  ['of 101 digits', 'CALLBACK_TIMEOUT', `${'1'.repeat(101)}d`],
  ['beyond every Date', 'CALLBACK_TIMEOUT', '99999999999d'],
  ['beyond 2^31 ms', 'SWEEP_INTERVAL', '25d'],
  ['beyond 2^31 ms', 'KHIPU_REQUEST_TIMEOUT', '25d'],
  ['without a host', 'PUBLIC_URL', 'https:///'],
  ['beyond all memory', 'BODY_LIMIT', '99999999999999999mb']
]
for (const [what, name, value] of unmeant) {
  t.test(`${name} ${what} cannot be meant, and is refused`, async (t) => {
    t.match(faultsIn({ ...NEEDED, [name]: value }), [new RegExp(`^${name} `)])
  })
}
