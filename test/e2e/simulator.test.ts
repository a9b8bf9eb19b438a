import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { commandLine } from '../../simulator/command-line.ts'
import { startConsumer } from '../../simulator/consumer.ts'
import { flags } from '../../simulator/flags.ts'
import { startKhipu, type Khipu } from '../../simulator/khipu.ts'
import { startRedis } from '../../simulator/private-redis.ts'
import { findRedis } from '../../simulator/find-redis.ts'
import { endsInWords } from '../../simulator/scenario.ts'
import { scenarioOf, scenarios } from '../../simulator/scenarios.ts'
import { defaultSettings, type Settings } from '../../simulator/settings.ts'
import { startReceiver } from '../helpers/receiver.ts'
import { until } from '../helpers/until.ts'

const root = join(import.meta.dirname, '../..')
const readme = await readFile(join(root, 'simulator/README.md'), 'utf8')
const service = '/v1/cl/banking/personal/btgpactual.cl/transactions'
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test('the README and the table of scenarios say the same', async (t) => {
  t.same(
    tableAfter('scenarios'),
    scenarios.map((row) => [row.name, `\`${row.prefix}-…\``, row.does, endsInWords(row)])
  )
})

t.test('the README and the table of settings say the same', async (t) => {
  t.same(
    tableAfter('settings'),
    flags.map((row) => [
      ...[row.flag, row.variable, row.fallback].map((word, at) => `\`${at ? '' : '--'}${word}\``),
      row.does
    ])
  )
})

t.test('names and prefixes of scenarios are unique, and their account numbers fit', async (t) => {
  t.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length)
  t.equal(new Set(scenarios.map(({ prefix }) => prefix)).size, scenarios.length)
  for (const { prefix, ends, afterRelease } of scenarios) {
    t.match(prefix, /^[0-9]{4}$/)
    t.equal(afterRelease !== undefined, ends.state === 'parked', prefix)
  }
})

t.test('an account number chooses its scenario by prefix, and ok otherwise', async (t) => {
  t.equal(scenarioOf('1101').name, 'retry-immediately-once')
  t.equal(scenarioOf('1101-0001').name, 'retry-immediately-once')
  for (const account of ['11010', '000011887755', '', 'constructor', '-1101']) {
    t.equal(scenarioOf(account).name, 'ok', account)
  }
})

t.test('every default is the one that the settings show', async (t) => {
  for (const { flag, fallback, read } of flags) t.match(defaultSettings, read(fallback) ?? {}, flag)
})

t.test('flags beat variables, and every fault is listed without its value', async (t) => {
  const env = { SIMULATOR_PORT: '5000', SIMULATOR_LATE_DELAY: '2h' }
  const good = commandLine(['--port', '0', '--life-span', 'PT4H', '--consumer'], env)
  t.same(good, {
    settings: { port: 0, lateDelayMs: 7_200_000, lifeSpan: 'PT4H' },
    consumer: true,
    help: false,
    violations: []
  })
  const bad = commandLine(['--port', '70000', '--slow-delay', '9999h'], {
    SIMULATOR_ACKNOWLEDGEMENT_DATA: 'secret'
  })
  t.same(bad.violations, [
    '--port has no valid value',
    '--slow-delay has no valid value',
    'SIMULATOR_ACKNOWLEDGEMENT_DATA has no valid value'
  ])
  t.same(commandLine(['--nonsense', 'x', '--keep=y', '--life-span'], {}).violations, [
    ...['--nonsense is unknown', 'an argument is no flag'],
    ...['--life-span has no valid value', '--keep has no valid value']
  ])
})

t.test('request checks', async (t) => {
  const khipu = await start(t)
  const requestData = { AccountNumber: '1001-0001' }
  const atLeast256 = `https://example.com/${'x'.repeat(236)}`
  const refused: [string, number, Parameters<typeof call>[1]][] = [
    ['neither API key nor JWT', 401, { headers: {} }],
    ['both API key and JWT', 401, { headers: { 'x-api-key': 'k', authorization: 'Bearer j' } }],
    ['credentials of another kind', 401, { headers: { authorization: 'Basic eDp5' } }],
    ['an unknown customer type', 404, { path: service.replace('personal', 'private') }],
    ['a bank that is no host name', 404, { path: service.replace('.cl', '') }],
    ['a missing product', 404, { path: service.replace('/transactions', '') }],
    ['a body that is not JSON', 400, { body: '{"RequestData":' }],
    ['a body that is an array', 400, { body: [] }],
    ['missing RequestData', 400, { body: {} }],
    ['RequestData that is no object', 400, { body: { RequestData: 'x' } }],
    ['a missing AccountNumber', 400, { body: { RequestData: {} } }],
    ['a number as AccountNumber', 400, { body: { RequestData: { AccountNumber: 10010001 } } }],
    ['21 characters', 400, { body: { RequestData: { AccountNumber: '1'.repeat(21) } } }],
    ['a CallbackUrl that is too long', 400, { body: both(atLeast256) }],
    ['a CallbackUrl that is no string', 400, { body: both(7) }],
    ['a third key beside RequestData and CallbackUrl', 400, { body: both('', 1) }]
  ]
  for (const [what, status, request] of refused) {
    await t.test(`refuses ${what} with ${status}`, async (t) => {
      const answer = await call(khipu.url, request)
      t.equal(answer.status, status)
      t.equal(khipu.calls.at(-1)?.attempt, 0)
      if (status === 401) {
        t.match(answer.headers.get('content-type'), /^text\/plain/)
        t.equal(await answer.text(), '"Authorization failed"')
      } else {
        t.match(await answer.json(), {
          OperationId: uuid,
          Status: 'ERROR',
          Error: { Code: 'P001' }
        })
      }
    })
  }

  await t.test('takes a sibling product without an account number', async (t) => {
    const path = '/v1/cl/banking/business/bancosecurity.cl/credit-card/unbilled-transactions'
    const answer = await call(khipu.url, { path, body: { RequestData: {} } })
    t.equal(answer.status, 200)
    t.match(khipu.calls.at(-1), { path, account: null, auth: 'bearer', credential: 'jwt' })
  })

  await t.test('answers with the result where no CallbackUrl is given', async (t) => {
    const headers = { 'x-api-key': 'key' }
    const answer = await call(khipu.url, { headers, body: { RequestData: requestData } })
    t.equal(answer.status, 200)
    const envelope = await envelopeIn(answer)
    t.match(envelope, { OperationId: uuid, Status: 'OK', Error: null, LifeSpan: null })
    t.equal(envelope.Data.Transaction.length, 3)
    t.match(khipu.calls.at(-1), { auth: 'api-key', credential: 'key', requestData })
  })

  function both(CallbackUrl: unknown, more?: unknown) {
    return { RequestData: requestData, CallbackUrl, ...(more === undefined ? {} : { more }) }
  }
})

t.test('ok: answers 202, then calls back under the same OperationId', async (t) => {
  const { khipu, receiver } = await startBoth(t, { lifeSpan: 'PT4H', acknowledgementData: '{}' })
  const answer = await request(khipu.url, '1001-0001', `${receiver.url}/callbacks/a`)
  t.equal(answer.status, 202)
  const acknowledgement = await envelopeIn(answer)
  t.match(acknowledgement, { OperationId: uuid, Status: 'OK', Data: {}, LifeSpan: 'PT4H' })
  await until('the callback is answered', () => isAnswered(khipu, 0))
  const [callback] = receiver.received
  t.equal(callback?.path, '/callbacks/a')
  t.equal(callback?.headers['content-type'], 'application/json')
  t.equal(callback?.headers.authorization, undefined)
  const envelope = JSON.parse(String(callback?.body))
  t.equal(envelope.OperationId, acknowledgement.OperationId)
  t.match(envelope.Data.Transaction[0], {
    AccountId: '1001-0001',
    BookingDateTime: /^\d{4}-\d\d-\d\dT00:00:00-0[34]00$/,
    Amount: { Amount: /^\d+$/, Currency: 'CLP' },
    CardInstrument: {}
  })
  t.match(khipu.callbacks, [{ number: 1, attempt: 1, answer: { status: 200, body: 'noted' } }])
  t.same(khipu.bodyOf(1), callback?.body)
})

t.test('the Data of the acknowledgement can be left out', async (t) => {
  const { khipu, receiver } = await startBoth(t, { acknowledgementData: 'absent' })
  const answer = await request(khipu.url, '1205', receiver.url)
  t.same(Object.keys(await envelopeIn(answer)), [
    ...['OperationId', 'Status', 'AdditionalInformation', 'Error', 'LifeSpan']
  ])
})

t.test('an account number has the same transactions every time', async (t) => {
  const khipu = await start(t)
  const ask = async (account: string) => {
    const answer = await call(khipu.url, { body: { RequestData: { AccountNumber: account } } })
    return (await envelopeIn(answer)).Data.Transaction
  }
  const first = await ask('1005-0001')
  t.equal(first.length, 5000)
  t.equal(new Set(first.map((one) => one.TransactionId)).size, 5000)
  // Not t.same, which takes half a minute for 5,000 of them.
  t.ok(isDeepStrictEqual(await ask('1005-0001'), first))
  t.notOk(isDeepStrictEqual(await ask('1005-0002'), first))
})

t.test('what each Error scenario calls back', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  const types: [string, string | undefined, string][] = [
    ['1101', 'RETRY_IMMEDIATELY', 'OK'],
    ['1102', 'RETRY_IMMEDIATELY', 'ERROR'],
    ['1103', 'DO_NOT_RETRY', 'ERROR'],
    ['1104', 'WAIT_4_HOURS_BEFORE_RETRY', 'OK'],
    ['1105', 'WAIT_4_HOURS_BEFORE_RETRY', 'ERROR'],
    ['1106', 'RETRY_AFTER_NOTIFICATION', 'OK'],
    ['1107', 'RETRY_AFTER_NOTIFICATION', 'ERROR'],
    ['1108', 'ASK_THE_BANK_FIRST', 'OK'],
    ['1109', undefined, 'OK'],
    ['1110', 'RETRY_IMMEDIATELY', 'ERROR'],
    ['1111', undefined, 'OK']
  ]
  for (const [prefix, type, secondStatus] of types) {
    await t.test(`${scenarioOf(prefix).name}: ${type}, then ${secondStatus}`, async (t) => {
      const account = `${prefix}-0001`
      for (const attempt of [1, 2]) {
        await request(khipu.url, account, `${receiver.url}/${prefix}/${attempt}`)
        await until('it called back', () => received(`/${prefix}/${attempt}`).length === 1)
      }
      const [first, second] = [1, 2].map((n) => received(`/${prefix}/${n}`)[0])
      t.equal(first.Status, 'ERROR')
      t.equal(first.Error.Type, type)
      t.equal(second.Status, secondStatus)
    })
  }

  function received(path: string) {
    return receiver.received
      .filter((one) => one.path === path)
      .map(({ body }) => JSON.parse(body.toString()))
  }
})

t.test('what each scenario of answers answers', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  const expected: [string, number, string, RegExp, number][] = [
    ['1301', 200, 'application/json', /"Transaction":\[\{/, 200],
    ['1302', 200, 'application/json', /"Data":null/, 200],
    ['1303', 200, 'application/json', /DO_NOT_RETRY/, 200],
    ['1304', 200, 'application/json', /^(?!.*"Error":).*"ERROR"/, 200],
    ['1400', 400, 'application/json', /P001/, 400],
    ['1401', 401, 'text/plain', /^"Authorization failed"$/, 202],
    ['1403', 403, 'application/json', /Forbidden/, 202],
    ['1422', 422, 'application/json', /Unprocessable/, 422],
    ['1429', 429, 'application/json', /Too Many/, 202],
    ['1500', 500, 'text/plain; charset=utf-8', /^rpc error/, 202],
    ['1503', 503, 'text/plain', /Unavailable/, 503],
    ['1504', 504, 'text/html', /<center>nginx/, 202],
    ['1604', 200, 'application/json', /\{"$/, 202]
  ]
  for (const [prefix, status, contentType, body, secondStatus] of expected) {
    await t.test(`${scenarioOf(prefix).name}: ${status}, then ${secondStatus}`, async (t) => {
      const answer = await request(khipu.url, prefix, receiver.url)
      t.equal(answer.status, status)
      t.equal(answer.headers.get('content-type'), contentType)
      t.equal(answer.headers.get('retry-after'), status === 429 ? '1' : null)
      t.match(await answer.text(), body)
      t.equal((await request(khipu.url, prefix, receiver.url)).status, secondStatus)
    })
  }
})

t.test('early: the callback is answered before the 202 comes', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  t.equal((await request(khipu.url, '1202', receiver.url)).status, 202)
  t.equal(receiver.received.length, 1)
  t.match(khipu.callbacks, [{ answer: { status: 200 } }])
})

t.test('never-once: only the second attempt is called back', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  await request(khipu.url, '1206', `${receiver.url}/1`)
  await request(khipu.url, '1206', `${receiver.url}/2`)
  await until('it called back', () => receiver.received.length > 0)
  t.same(paths(receiver), ['/2'])
  t.match(khipu.calls, [{ attempt: 1 }, { attempt: 2 }])
})

t.test('late-answers-older-attempt: the second call brings the first one’s callback', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  const first = await request(khipu.url, '1207', `${receiver.url}/1`)
  await request(khipu.url, '1207', `${receiver.url}/2`)
  await until('it called back', () => receiver.received.length > 0)
  t.same(paths(receiver), ['/1'])
  t.match(khipu.callbacks, [{ attempt: 1, operationId: (await envelopeIn(first)).OperationId }])
})

t.test(
  'reset-before, reset-after and slow-answer: no answer, with and without callback',
  async (t) => {
    const { khipu, receiver } = await startBoth(t)
    await t.rejects(request(khipu.url, '1601', `${receiver.url}/before`), {
      cause: connectionReset
    })
    await t.rejects(request(khipu.url, '1602', `${receiver.url}/after`), { cause: connectionReset })
    await until('it called back', () => receiver.received.length > 0)
    t.same(paths(receiver), ['/after'])
    t.equal((await request(khipu.url, '1601', `${receiver.url}/before`)).status, 202)

    const patience = new AbortController()
    const silent = request(khipu.url, '1603', `${receiver.url}/silent`, patience.signal)
    await until('it called back', () => paths(receiver).includes('/silent'))
    patience.abort()
    await t.rejects(silent, { name: 'AbortError' })
    t.match(khipu.calls.at(-1)?.answer, { status: null, note: 'silence' })
  }
)

t.test('duplicate and conflicting: a second callback, the same and another', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  for (const prefix of ['1701', '1702', '1703']) {
    const path = `/${prefix}`
    await request(khipu.url, prefix, `${receiver.url}${path}`)
    const bodies = () => receiver.received.filter((one) => one.path === path).map((one) => one.body)
    await until('it called back twice', () => bodies().length === 2)
    const [first, second] = bodies()
    t.equal(first?.equals(second ?? Buffer.of()), prefix !== '1703', prefix)
  }
})

t.test('callbacks that break the contract come before good ones', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  await request(khipu.url, '1705', receiver.url)
  await until('it called back twice', () => receiver.received.length === 2)
  await request(khipu.url, '1706', receiver.url)
  await until('it called back twice again', () => receiver.received.length === 4)
  const [broken = '', good = '', noEnvelope = '', alsoGood = ''] = receiver.received.map((one) =>
    one.body.toString()
  )
  t.throws(() => JSON.parse(broken))
  t.match(JSON.parse(good), { Status: 'OK', Data: {} })
  t.notMatch(JSON.parse(noEnvelope), { OperationId: String })
  t.match(JSON.parse(alsoGood), { Status: 'OK', Data: {} })
})

t.test('content types of callbacks: strange, and none', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  await request(khipu.url, '1707', receiver.url)
  await until('it called back', () => receiver.received.length === 1)
  await request(khipu.url, '1708', receiver.url)
  await until('it called back again', () => receiver.received.length === 2)
  const types = receiver.received.map(({ headers }) => headers['content-type'])
  t.same(types, ['text/plain', undefined])
})

t.test('a refused callback is repeated only where the settings say so', async (t) => {
  const settings = { callbackRepeats: 3, callbackRepeatDelayMs: 1 }
  const { khipu, receiver } = await startBoth(t, settings, 503, 503)
  await request(khipu.url, '1001', receiver.url)
  await until('it was taken', () => isAnswered(khipu, 2))
  t.match(
    khipu.callbacks,
    [503, 503, 200].map((status) => ({ answer: { status } }))
  )

  const other = await startBoth(t, {}, 503)
  await request(other.khipu.url, '1001', `${other.receiver.url}/1`)
  await until('it was refused', () => isAnswered(other.khipu, 0))
  await request(other.khipu.url, '1001', `${other.receiver.url}/2`)
  await until('another was taken', () => isAnswered(other.khipu, 1))
  t.same(paths(other.receiver), ['/1', '/2'])
})

t.test('a receiver that is not there is noted as such', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  receiver.close()
  await request(khipu.url, '1001', receiver.url)
  await until('it was noted', () => isAnswered(khipu, 0))
  t.match(khipu.callbacks[0]?.answer, { error: 'ECONNREFUSED' })
})

t.test('other processes can look in, and reset', async (t) => {
  const { khipu, receiver } = await startBoth(t)
  const look = async (path: string) => (await fetch(`${khipu.url}/simulator/${path}`)).json()
  await request(khipu.url, '1001-0001', receiver.url)
  await request(khipu.url, '1203-0001', receiver.url)
  await until('it called back', () => isAnswered(khipu, 0))

  t.same(await look('health'), { status: 'ok' })
  const rows = (await look('scenarios')) as unknown[]
  t.equal(rows.length, scenarios.length)
  t.match(rows[0], { name: 'ok', prefix: '1001', ends: scenarios[0]?.ends })
  t.same(await look('calls'), khipu.calls)
  t.same(await look('calls?account=1203-0001'), khipu.calls.slice(1))
  t.same(await look('callbacks'), khipu.callbacks)
  const body = await fetch(`${khipu.url}/simulator/callbacks/1/body`)
  t.same(Buffer.from(await body.arrayBuffer()), receiver.received[0]?.body)
  t.equal((await fetch(`${khipu.url}/simulator/callbacks/2/body`)).status, 404)

  t.equal((await fetch(`${khipu.url}/simulator/reset`, { method: 'POST' })).status, 204)
  t.same([khipu.calls, khipu.callbacks], [[], []])
  await request(khipu.url, '1203-0001', receiver.url)
  t.match(khipu.calls, [{ attempt: 1 }])
})

t.test('only the newest calls and callbacks are kept', async (t) => {
  const { khipu, receiver } = await startBoth(t, { keep: 2 })
  for (const n of [1, 2, 3]) {
    await request(khipu.url, `1001-${n}`, receiver.url)
    await until('it called back', () => khipu.callbacks.at(-1)?.account === `1001-${n}`)
  }
  t.match(khipu.calls, [{ account: '1001-2' }, { account: '1001-3' }])
  t.match(khipu.callbacks, [{ number: 2 }, { number: 3 }])
  t.equal(khipu.bodyOf(1), undefined)
})

t.test('a private Redis survives a kill with what it had, and leaves nothing behind', async (t) => {
  const redis = await startRedis({ url: null })
  t.teardown(() => redis.stop())
  t.ok(Number(new URL(redis.url).port) < 32_768)
  const firstPid = redis.pid
  await withClient(redis.url, async (client) => {
    t.equal(await client.set('kept', 'yes'), 'OK')
    t.same(await client.config('GET', 'appendfsync'), ['appendfsync', 'always'])
    t.same(await client.config('GET', 'maxmemory-policy'), ['maxmemory-policy', 'noeviction'])
  })

  await redis.kill()
  t.notOk(isAlive(firstPid))
  await redis.restart()
  t.not(redis.pid, firstPid)
  t.ok(isAlive(redis.pid))
  await withClient(redis.url, async (client) => t.equal(await client.get('kept'), 'yes'))

  const other = await startRedis({ url: redis.url })
  t.equal(other.url, redis.url)
  await t.rejects(other.kill(), /not started here/)
  await other.stop()
  t.ok(isAlive(redis.pid))

  const { pid, folder = '' } = redis
  t.ok(existsSync(folder))
  await redis.stop()
  t.notOk(isAlive(pid))
  t.notOk(existsSync(folder))
})

for (const ending of ['exit', 'kill']) {
  t.test(`a private Redis ends with the process that started it: ${ending}`, async (t) => {
    const script = `
      const { startRedis } = await import(${JSON.stringify(join(root, 'simulator/private-redis.ts'))})
      const redis = await startRedis({ url: null })
      console.log(redis.pid, redis.folder)
      if ('${ending}' === 'exit') process.exit(0)
      setInterval(() => {}, 1000)`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script])
    t.teardown(() => owner.kill('SIGKILL'))
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string]
    const [pid, folder = ''] = line.split(' ')
    t.ok(Number(pid) > 0)
    if (ending === 'kill') owner.kill('SIGKILL')
    await until('Redis and its folder are gone', () => !isAlive(Number(pid)) && !existsSync(folder))
  })
}

t.test('a Redis that does not start says why', async (t) => {
  const folder = t.testdir({ 'redis-server': '#!/bin/sh\nexit 3\n' })
  await chmod(join(folder, 'redis-server'), 0o755)
  const path = process.env['PATH'] ?? ''
  t.teardown(() => (process.env['PATH'] = path))
  process.env['PATH'] = folder
  await t.rejects(startRedis({ url: null }), {
    message: 'the private Redis did not start',
    cause: { message: 'it ended without a word' }
  })
})

t.test('finding Redis', async (t) => {
  /** The PATH is a folder with these programs alone, until the test ends. */
  const onlyWith = async (t: Test, programs: Record<string, string> = {}) => {
    const folder = t.testdir({})
    for (const [name, script] of Object.entries(programs))
      await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    const path = process.env['PATH'] ?? ''
    t.teardown(() => (process.env['PATH'] = path))
    process.env['PATH'] = folder
    return folder
  }
  const advice =
    /apt-get install[^]*dnf install[^]*apk add[^]*pacman -S[^]*brew install[^]*docker run/

  await t.test('says what to install where there is none, and no apt-get', async (t) => {
    await onlyWith(t)
    await t.rejects(findRedis(), advice)
  })

  await t.test('says what to install where there is an apt-get, and no dpkg-deb', async (t) => {
    await onlyWith(t, { 'apt-get': 'exit 0' })
    await t.rejects(findRedis(), advice)
  })

  await t.test('says what apt-get complained about, and leaves nothing behind', async (t) => {
    const failing = 'echo "no network" >&2; exit 100'
    const folder = await onlyWith(t, { 'apt-get': failing, 'dpkg-deb': 'exit 0' })
    const cache = join(folder, 'cache')
    const lines: string[] = []
    const log = (line: string) => lines.push(line)
    await t.rejects(findRedis({ cache, log }), /apt-get failed: no network/)
    await t.rejects(findRedis({ cache }), advice)
    t.same(await readdir(cache), [])
    t.match(lines, [/downloading/])
  })

  await t.test('takes valkey-server too', async (t) => {
    const folder = await onlyWith(t, { 'valkey-server': '' })
    t.equal(await findRedis(), join(folder, 'valkey-server'))
  })
})

t.test('the simulated consumer prints a line per result and keeps it', async (t) => {
  const redis = await startRedis({ url: null })
  t.teardown(() => redis.stop())
  const queue = new Queue('results', { connection: { url: redis.url }, prefix: 'sim' })
  t.teardown(() => queue.close())
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const consumer = startConsumer({ redisUrl: redis.url, queue: 'results', prefix: 'sim', log })
  t.teardown(() => consumer.close())

  const transaction = { AccountId: '000011887755' }
  const delivered = {
    ...{ requestId: 'a', reference: 'r-1', outcome: 'delivered', completeness: 'complete' },
    ...{ reason: null, attempts: 2, response: { Data: { Transaction: [transaction] } } }
  }
  const failed = {
    ...{ requestId: 'b', reference: null, outcome: 'failed', completeness: null },
    ...{ reason: 'no-callback', attempts: 3, response: null }
  }
  await queue.add('delivered', delivered, { jobId: 'a' })
  await until('the first came', () => lines.length === 1)
  await queue.add('failed', failed, { jobId: 'b' })
  await until('the second came', () => lines.length === 2)
  t.same(consumer.results, [delivered, failed])
  t.same(lines, [
    'result a (r-1): delivered, complete, attempts: 2, transactions: 1',
    'result b (no reference): failed, no-callback, attempts: 3, transactions: 0'
  ])
})

t.test('npm run simulator', async (t) => {
  await t.test('starts, says where it is, and ends cleanly on SIGTERM', async (t) => {
    const simulator = run(['--port', '0'])
    t.teardown(() => simulator.child.kill('SIGKILL'))
    await until('it listens', () => simulator.output.includes('1708-…'))
    const [url = ''] = /http:\S+/.exec(simulator.output) ?? []
    t.equal((await fetch(`${url}/simulator/health`)).status, 200)
    simulator.child.kill('SIGTERM')
    t.equal(await simulator.code, 0)
  })

  await t.test('prints the results with --consumer', async (t) => {
    const redis = await startRedis({ url: null })
    t.teardown(() => redis.stop())
    const queue = new Queue('khipu-results', { connection: { url: redis.url }, prefix: 'khipu' })
    t.teardown(() => queue.close())
    await queue.add('failed', { requestId: 'c', outcome: 'failed', reason: 'expired', attempts: 1 })
    const simulator = run(['--port', '0', '--consumer'], { REDIS_URL: redis.url })
    t.teardown(() => simulator.child.kill('SIGKILL'))
    const line = 'result c (no reference): failed, expired, attempts: 1, transactions: 0'
    await until('it printed the result', () => simulator.output.includes(line))
    simulator.child.kill('SIGINT')
    t.equal(await simulator.code, 0)
  })

  await t.test('ends with 1 and every fault where the settings are wrong', async (t) => {
    const simulator = run(['--port', 'x', '--keep', 'y'])
    t.equal(await simulator.code, 1)
    t.match(simulator.output, /--port has no valid value\n +--keep has no valid value/)
  })

  await t.test('ends with 1 where the port is taken', async (t) => {
    const khipu = await start(t)
    const simulator = run(['--port', String(khipu.port)])
    t.equal(await simulator.code, 1)
    t.match(simulator.output, /EADDRINUSE/)
  })

  await t.test('explains itself', async (t) => {
    const simulator = run(['--help'])
    t.equal(await simulator.code, 0)
    for (const { flag } of flags) t.match(simulator.output, `--${flag}`)
    for (const { name } of scenarios) t.match(simulator.output, name)
  })
})

interface Envelope {
  readonly OperationId: string
  readonly Data: { readonly Transaction: readonly { readonly TransactionId: string }[] }
}

async function envelopeIn(answer: Response): Promise<Envelope> {
  return (await answer.json()) as Envelope
}

const connectionReset = { code: /ECONNRESET|UND_ERR_SOCKET/ }

/** A simulated Khipu on a free port, with short delays. */
async function start(t: Test, settings: Partial<Settings> = {}) {
  const short = { port: 0, callbackDelayMs: 1, slowDelayMs: 20 }
  const khipu = await startKhipu({ ...short, ...settings })
  t.teardown(() => khipu.close())
  return khipu
}

async function startBoth(t: Test, settings: Partial<Settings> = {}, ...statuses: number[]) {
  const receiver = await startReceiver(...statuses)
  t.teardown(() => receiver.close())
  return { khipu: await start(t, settings), receiver }
}

function isAnswered({ callbacks }: Khipu, index: number): boolean {
  const callback = callbacks[index]
  return callback !== undefined && callback.answer !== null
}

interface Request {
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

function call(url: string, request: Request): Promise<Response> {
  const { path = service, headers = { authorization: 'Bearer jwt' }, body, signal } = request
  const bytes = typeof body === 'string' ? body : JSON.stringify(body ?? {})
  const options = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }
  return fetch(url + path, { ...options, body: bytes, ...(signal ? { signal } : {}) })
}

function request(url: string, AccountNumber: string, CallbackUrl: string, signal?: AbortSignal) {
  const body = { RequestData: { AccountNumber }, CallbackUrl }
  return call(url, signal === undefined ? { body } : { body, signal })
}

function paths({ received }: Awaited<ReturnType<typeof startReceiver>>): string[] {
  return received.map(({ path }) => path)
}

/** The cells of the first table after a marker of the README, without its head. */
function tableAfter(marker: string): string[][] {
  const [, rest = ''] = readme.split(`<!-- ${marker} -->`)
  const lines = rest.trimStart().split('\n')
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
}

async function withClient(url: string, use: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(url)
  try {
    await use(client)
  } finally {
    client.disconnect()
  }
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The simulator as a process of its own, with what it printed. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(root, 'simulator/main.ts'), ...args], {
    env: { ...process.env, ...env }
  })
  const running = { child, output: '', code: once(child, 'close').then(([code]) => code as number) }
  const take = (chunk: Buffer) => (running.output += chunk.toString())
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  return running
}
