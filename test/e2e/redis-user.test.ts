import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import { startConsumer } from '../../simulator/consumer.ts'
import { SOURCES } from '../../src/ledger/scripts.ts'
import { readRule } from '../helpers/redis-rights.ts'
import { call } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, inState, resultsOf, startWorld, view } from '../helpers/world.ts'

// The rule that docs/deploy/redis.md shows, to the letter, but for the password.
const [name = '', ...rule] = readRule()
const RESULT_KEYS = '~khipu:khipu-results:*'
const password = randomBytes(16).toString('hex')

/** What the service and BullMQ send beside their scripts, or hand to a script as an argument. */
const OTHERS = [
  ...['info', 'client|setname', 'eval', 'evalsha', 'bzpopmin'],
  ...['lpush', 'rpush', 'xrange', 'xrevrange']
]
const BULLMQ_SCRIPTS = [
  ...['addStandardJob-9', 'addDelayedJob-6', 'removeJob-2', 'promote-9', 'moveToActive-11'],
  ...['moveToFinished-14', 'moveToDelayed-11', 'retryJob-11', 'extendLocks-1'],
  ...['moveStalledJobsToWait-9']
]

const world = await startWorld(t, {
  ownRedis: true,
  khipu: { callbackDelayMs: 20, slowDelayMs: 300 },
  env: { QUEUE_PREFIX: 'khipu', RESULT_QUEUE: 'khipu-results', KHIPU_REQUEST_TIMEOUT: '2s' }
})
await world.client.call('ACL', 'SETUSER', name, ...rule.map(withPassword))
const consumerRule = rule.filter((token) => !token.startsWith('~')).map(withPassword)
await world.client.call('ACL', 'SETUSER', 'consumer', ...consumerRule, RESULT_KEYS)
const urlOf = (user: string, secret = password) =>
  world.redis.url.replace('redis://', `redis://${user}:${secret}@`)

t.test(
  'the rule allows every command that a script may send, and those of their callers',
  async (t) => {
    const granted = rule.filter((token) => token.startsWith('+')).map((token) => token.slice(1))
    t.same(granted.toSorted(), [...new Set([...commandsOfScripts(), ...OTHERS])].toSorted())
  }
)

t.test('the service runs as this user, from the request to the result', async (t) => {
  const service = await world.start({ REDIS_URL: urlOf(name), LOG_LEVEL: 'trace' })
  const post = async (path: string, body?: object) => {
    const { status, text } = await service.api('POST', path, body)
    t.ok(status < 300, `${path}: ${status} ${status < 300 ? '' : text}`)
  }
  const key = { 'idempotency-key': 'once' }
  const body = { RequestData: { AccountNumber: accountOf('1001', 9) } }
  const [first, again] = [
    await service.api<{ requestId: string }>('POST', '/v1/requests', body, key),
    await service.api<{ requestId: string }>('POST', '/v1/requests', body, key)
  ]
  t.equal(again.body.requestId, first.body.requestId)
  const asked = new Map<string, string>()
  for (const scenario of ['1001', '1301', '1103', '1104', '1106', '1205', '1704']) {
    asked.set(scenario, await ask(service, accountOf(scenario, 1)))
  }
  const idOf = (scenario: string) => asked.get(scenario) ?? ''

  for (const scenario of ['1001', '1301', '1103']) await atRest(service, idOf(scenario))
  await inState(service, idOf('1106'), 'parked')
  await post('/v1/notifications', { requestIds: [idOf('1106')] })
  await until('it was sent again', async () => (await view(service, idOf('1106'))).attempts > 1)
  await inState(service, idOf('1104'), 'retry-scheduled')
  await post(`/v1/requests/${idOf('1104')}/retry`)
  await inState(service, idOf('1205'), 'awaiting-callback')
  const { callbackUrl } = await until('Khipu was asked', () =>
    world.khipu.calls.find(({ account }) => account === accountOf('1205', 1))
  )
  t.equal((await call(callbackUrl ?? '', { method: 'POST', body: 'not JSON' })).status, 400)
  await post(`/v1/requests/${idOf('1205')}/cancel`)

  const kept = await until('both are in quarantine', async () => {
    const { items } = (await service.api<Kept>('GET', '/v1/quarantine')).body
    return [idOf('1704'), idOf('1205')].every((id) => items.some((one) => one.requestId === id))
      ? items
      : null
  })
  for (const { requestId, quarantineId } of kept) {
    const way = requestId === idOf('1704') ? 'POST' : 'DELETE'
    const path = `/v1/quarantine/${quarantineId}${way === 'POST' ? '/accept' : ''}`
    t.ok((await service.api(way, path)).status < 300, `${way} ${path}`)
  }
  await post('/v1/operations', { action: 'release', filter: { olderThan: '1s' } })
  for (const path of [
    '/v1/requests?state=failed',
    '/v1/requests?reference=x',
    '/v1/operations',
    '/metrics'
  ]) {
    t.equal((await service.api('GET', path)).status, 200, path)
  }
  const ends = ['1001', '1301', '1103', '1205', '1704'].map(idOf)
  await resultsOf(world, [...ends, `${idOf('1704')}-late`])

  const consumer = startConsumer({ redisUrl: urlOf('consumer'), log: () => {} })
  await until('the consumer has them all', () => consumer.results.length >= ends.length + 2)
  await consumer.close()
  t.same(await service.stop(), { code: 0, signal: null })
  t.same(await denied(), [], 'nothing was ever denied')
  t.notMatch(JSON.stringify([service.logs, service.stderr(), service.strays]), password)
  t.same(
    service.logs.filter(({ level }) => level >= 50),
    []
  )
})

t.test('this user is refused', async (t) => {
  const refused: readonly (readonly [string, ...string[]])[] = [
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['RANDOMKEY'],
    ['CONFIG', 'GET', '*'],
    ['CONFIG', 'SET', 'maxmemory', '1'],
    ['MONITOR'],
    ['ACL', 'LIST'],
    ['CLIENT', 'LIST'],
    ['SCRIPT', 'FLUSH'],
    ['SHUTDOWN'],
    ['PUBLISH', 'a', 'b'],
    ['GET', 'other'],
    ['SET', 'other', '1'],
    ['SET', 'khipu:other:1', '1'],
    ['HGETALL', '{khipu:1}:request:1'],
    ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'other'],
    ['EVAL', "return redis.call('GET', 'other')", '0'],
    ['EVAL', "return redis.call('FLUSHALL')", '0']
  ]
  await world.client.set('other', 'CANARY')
  const user = new Redis(urlOf(name), { replyMapping: 'legacy' })
  t.teardown(() => user.disconnect())
  for (const [command, ...args] of refused) {
    t.test([command, ...args].join(' '), async (t) => {
      await t.rejects(user.call(command, ...args), {
        message: /NOPERM|ACL failure in script|can't run this command|can't access/
      })
    })
  }
  t.test('and a consumer the ledger', async (t) => {
    const consumer = new Redis(urlOf('consumer'), { replyMapping: 'legacy' })
    t.teardown(() => consumer.disconnect())
    await t.rejects(consumer.hgetall('{khipu:0}:totals'), { message: /NOPERM/ })
  })
  t.test('and nothing of it has come about', async (t) => {
    t.equal(await world.client.get('other'), 'CANARY')
  })
})

const unfit: [what: string, user: string, secret: string][] = [
  ['a wrong password', name, `${password}x`],
  ['an unknown user', 'nobody', password]
]
for (const [what, user, secret] of unfit) {
  t.test(`with ${what} the service is up and not ready, until it is known`, async (t) => {
    const service = world.spawn({ REDIS_URL: urlOf(user, secret), LOG_LEVEL: 'trace' })
    const ready = await until('it answers', () =>
      call(`${service.adminUrl}/health/ready`).catch(() => null)
    )
    t.match(ready, { status: 503, body: { redis: 'away' } })
    const lost = await until('it says why', () =>
      service.logs.find(({ msg }) => msg === 'redis lost')
    )
    t.equal(lost['code'], 'WRONGPASS')
    t.equal((await call(`${service.adminUrl}/health/live`)).status, 200)
    await world.client.call('ACL', 'SETUSER', user, ...rule.map(withPassword), `>${secret}`)
    await service.ready()
    await service.kill()
    t.notMatch(JSON.stringify([service.logs, service.stderr(), service.strays]), password)
  })
}

interface Kept {
  readonly items: readonly { readonly requestId: string; readonly quarantineId: string }[]
}

function withPassword(token: string): string {
  return token.startsWith('>') ? `>${password}` : token
}

/** What Redis has denied to whom, by its own log. */
async function denied(): Promise<unknown> {
  return world.client.call('ACL', 'LOG')
}

/** The commands in the ledger's scripts, and in those of BullMQ that the service's queues and workers use. */
function commandsOfScripts(): string[] {
  const bullmq = dirname(createRequire(import.meta.url).resolve('bullmq'))
  const read = (script: string) => readFileSync(join(bullmq, 'scripts', `${script}.js`), 'utf8')
  const scripts = [...Object.values(SOURCES), ...BULLMQ_SCRIPTS.map(read)]
  return scripts.flatMap((script) =>
    [...script.matchAll(/(?:rcall|redis\.p?call)\(\s*["'](\w+)["']/g)].map(([, command = '']) =>
      command.toLowerCase()
    )
  )
}
