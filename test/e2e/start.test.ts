import { once } from 'node:events'
import { createServer } from 'node:net'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { call, type Env } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, otherPorts, startWorld, view } from '../helpers/world.ts'

// They wait more than they work, so they run side by side.
t.jobs = 3

t.test('a wrong configuration stops the start', async (t) => {
  const world = await startWorld(t)
  const folder = t.testdir({ 'policy.json': '{"retry":{"wait-4-hours":{"delays":["canary"]}}}' })
  const faults: Env = {
    ROLE: 'canary',
    REDIS_URL: 'http://canary',
    PUBLIC_URL: 'canary',
    PUBLIC_PORT: 'canary',
    ADMIN_PORT: '70000',
    KHIPU_BASE_URL: 'https://user:canary@khipu.example',
    KHIPU_JWT: 'canary',
    API_TOKENS: 'canary',
    SECRET_KEYS: 'k1:canary',
    SECRET_KEYS_FILE: join(folder, 'canary'),
    RETRY_POLICY_FILE: join(folder, 'policy.json'),
    CALLBACK_TIMEOUT: 'canary',
    QUEUE_PREFIX: 'canary:',
    BODY_LIMIT: 'canary',
    LOG_LEVEL: 'canary'
  }
  const service = world.spawn(faults)

  await t.test('with code 1 and nothing but one message', async (t) => {
    t.same(await service.exited(), { code: 1, signal: null })
    t.match(service.stderr(), /^The configuration is wrong:\n(?: {2}- [A-Z_]+ .+\n)+$/)
    t.same([service.logs, service.strays], [[], []])
  })
  for (const name of Object.keys(faults)) {
    t.test(`that tells the fault of ${name}`, async (t) => {
      t.match(service.stderr(), new RegExp(`^  - ${name} .+$`, 'm'))
    })
  }
  t.test('that echoes no value', async (t) => {
    t.notMatch(service.stderr(), 'canary')
    t.notMatch(service.stderr(), '70000')
  })
})

t.test('another number of partitions than the ledger has stops the start', async (t) => {
  const world = await startWorld(t)
  const service = await world.start({ PARTITIONS: '2' })
  const other = world.spawn({ ...(await otherPorts()), PARTITIONS: '3' })
  t.same(await other.exited(), { code: 1, signal: null })
  t.match(other.logs.at(-1), {
    level: 60,
    msg: 'service could not start',
    error: /^PARTITIONS is 3, but the ledger .* has 2: set PARTITIONS=2/
  })
  const requestId = await ask(service, accountOf('1001', 1))
  t.match(await atRest(service, requestId), { state: 'delivered' })
})

t.test(
  'a policy that disobeys Khipu starts, and says so in the log and in readiness',
  async (t) => {
    const world = await startWorld(t)
    const row = { delays: ['0s'], jitter: 0, maxRetries: 2 }
    const retry = { 'wait-4-hours': row, 'refused-logon': row, temporary: row }
    const folder = t.testdir({ 'policy.json': JSON.stringify({ retry }) })
    for (const role of ['server', 'worker']) {
      const ports = await otherPorts()
      const service = await world.start({
        ...ports,
        ROLE: role,
        RETRY_POLICY_FILE: join(folder, 'policy.json')
      })
      const ready = await call<{ concerns: string[] }>(`${service.adminUrl}/health/ready`)
      const { concerns } = ready.body
      const told = service.logs.filter(({ level }) => level === 40).map(({ msg }) => msg)
      t.equal(ready.status, 200)
      for (const cause of Object.keys(retry)) {
        const [sentence = '', ...others] = concerns.filter((one) => one.startsWith(`${cause}: `))
        t.same(others, [], `${role}: ${cause} has one sentence`)
        t.same(told.filter((msg) => msg === sentence).length, 1, 'and one line of the log')
      }
    }
  }
)

t.test('what is required and missing is told', async (t) => {
  const world = await startWorld(t)
  const names = ['PUBLIC_URL', 'API_TOKENS', 'SECRET_KEYS']
  const service = world.spawn(Object.fromEntries(names.map((name) => [name, ''])))
  t.same(await service.exited(), { code: 1, signal: null })
  t.equal(
    service.stderr(),
    ['The configuration is wrong:', ...names.map((name) => `  - ${name} is required`), ''].join(
      '\n'
    )
  )
})

t.test('a PUBLIC_URL that makes a CallbackUrl too long is told', async (t) => {
  const world = await startWorld(t)
  const service = world.spawn({ PUBLIC_URL: `https://${'canary-'.repeat(40)}.example` })
  t.same(await service.exited(), { code: 1, signal: null })
  t.match(service.stderr(), /^ {2}- PUBLIC_URL .+ 255$/m)
  t.notMatch(service.stderr(), 'canary')
})

t.test('secrets can come from files', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 20 } })
  const folder = t.testdir()
  const names = ['REDIS_URL', 'KHIPU_API_KEY', 'API_TOKENS', 'SECRET_KEYS']
  const env: Record<string, string> = {}
  for (const name of names) {
    await writeFile(join(folder, name), `${world.env[name]}\n`)
    env[name] = ''
    env[`${name}_FILE`] = join(folder, name)
  }
  const service = await world.start(env)
  const requestId = await ask(service, accountOf('1001', 1))
  t.match(await atRest(service, requestId), { state: 'delivered' })
})

t.test('a port in use stops the start with a clear error', async (t) => {
  const world = await startWorld(t)
  for (const name of ['PUBLIC_PORT', 'ADMIN_PORT']) {
    t.test(name, async (t) => {
      const port = Number(world.env[name])
      const holder = createServer().listen(port, '127.0.0.1')
      await once(holder, 'listening')
      t.teardown(() => holder.close())
      const service = world.spawn()
      t.same(await service.exited(), { code: 1, signal: null })
      t.match(
        service.logs.filter(({ level }) => level >= 50),
        [{ level: 60, code: 'EADDRINUSE', error: new RegExp(`EADDRINUSE.*${port}`) }]
      )
      t.equal(service.stderr(), '')
    })
  }
})

t.test('the log and the metrics tell the version', async (t) => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  const world = await startWorld(t)
  const service = await world.start()
  t.match(
    service.logs.filter(({ msg }) => msg === 'service started'),
    [{ version }]
  )
  const { text } = await service.api('GET', '/metrics')
  t.ok(text.includes(`\nkhipu_build_info{version="${version}"} 1\n`))
})

t.test('a process that cannot listen takes no work', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 20 } })
  const server = await world.start({ ROLE: 'server' })
  const asked = Array.from({ length: 100 }, (_, number) => ask(server, accountOf('1001', number)))
  const requestIds = await Promise.all(asked)
  // Its admin port is the server's, and taken.
  const loser = world.spawn({ ROLE: 'worker' })
  t.same(await loser.exited(), { code: 1, signal: null })
  t.equal(world.khipu.calls.length, 0)
  const seen = await Promise.all(requestIds.map((requestId) => view(server, requestId)))
  t.equal(seen.filter(({ state }) => state !== 'queued').length, 0)
})

t.test('what Node warns of is a line of the log', async (t) => {
  const world = await startWorld(t)
  // Once the service listens for it, however long that takes to come.
  const code = `process.on('newListener', (event) => {
    if (event === 'warning') setImmediate(() => process.emitWarning('canary', 'CanaryWarning'))
  })`
  const service = world.spawn({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`
  })
  const line = await until('it has warned', () =>
    service.logs.find(({ msg }) => msg === 'node warning')
  )
  t.match(line, { warning: 'CanaryWarning', message: 'canary', level: 40 })
  await service.stop()
  t.same([service.strays, service.stderr()], [[], ''])
})
