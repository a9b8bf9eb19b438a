import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import t from 'tap'
import { call, TOKEN, type Answer } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { ask, atRest, inState, resultJobs, resultsOf, startWorld } from '../helpers/world.ts'

// Each is found nowhere else, and has no character that JSON or a URL would write in another way.
const canary = (name: string) => `CANARY${name}${randomBytes(6).toString('hex')}`
const account = (prefix: string) => `${prefix}-${randomBytes(7).toString('hex')}`

const secretKey = randomBytes(32)
const secrets = {
  'the JWT of a request': canary('jwt'),
  'the API key of a request': canary('apikey'),
  "the service's API key": canary('own'),
  'a JWT that has expired': canary('expired'),
  'an authorization that was given later': canary('later'),
  'a user name of the bank': canary('user'),
  'a password of the bank': canary('password'),
  'an unknown key of RequestData': canary('unknown'),
  'the secret key': secretKey.toString('base64'),
  'the bytes of the secret key': secretKey.toString('latin1'),
  'the token of the operator': TOKEN,
  'the token of another operator': canary('token'),
  'a value in a refused body': canary('refused'),
  'a text in a quarantined callback': canary('quarantined'),
  'a description of an error': canary('description')
}
const accounts = {
  'the account of a delivered request': account('1001'),
  'the account of an immediate result': account('1301'),
  'the account of a failed request': account('1103'),
  'the account of a parked request': account('1106'),
  'the account of a waiting request': account('1104'),
  'the account of a cancelled request': account('1205'),
  'the account of a request without an answer': account('1603'),
  'the account of a late result': account('1704'),
  'the account of a conflicting result': account('1703')
}
/** Those of requests that are asked for one after the other. */
const held = {
  'the account of a refused log-on': account('1110'),
  'the account of a request that is held back for it': account('1002'),
  'the account of a request whose JWT has expired': account('1003')
}
const delivered = new Set([accounts['the account of a delivered request']])
delivered.add(accounts['the account of an immediate result'])
delivered.add(accounts['the account of a conflicting result'])
delivered.add(accounts['the account of a request without an answer'])
delivered.add(held['the account of a request whose JWT has expired'])
// Its late result is let through by hand.
delivered.add(accounts['the account of a late result'])

const reports = await mkdtemp(join(tmpdir(), 'khipu-reports-'))
t.teardown(() => rm(reports, { recursive: true, force: true }))
const world = await startWorld(t, {
  ownRedis: true,
  khipu: { callbackDelayMs: 50, slowDelayMs: 500 },
  env: {
    LOG_LEVEL: 'debug',
    NODE_OPTIONS: `--report-on-signal --report-directory=${reports}`,
    KHIPU_API_KEY: secrets["the service's API key"],
    API_TOKENS: `journey:${TOKEN},other:${secrets['the token of another operator']}`,
    SECRET_KEYS: `k1:${secrets['the secret key']}`,
    KHIPU_REQUEST_TIMEOUT: '1s'
  }
})
const service = await world.start()
const answers: Answer[] = []
const asked = await askForAll()

t.test('every kind of end is reached with secrets on board', async (t) => {
  const rows = [
    ['1001', 'delivered'],
    ['1301', 'delivered'],
    ['1103', 'failed'],
    ['1106', 'parked'],
    ['1104', 'retry-scheduled'],
    ['1603', 'delivered'],
    ['1704', 'failed'],
    ['1703', 'delivered']
  ] as const
  for (const [prefix, state] of rows) {
    t.test(`${prefix} is ${state}`, async () => {
      await inState(service, idOf(prefix), state)
    })
  }
  t.test('1205 is cancelled', async (t) => {
    await inState(service, idOf('1205'), 'awaiting-callback')
    answers.push(await service.api('POST', `/v1/requests/${idOf('1205')}/cancel`))
    t.match(await atRest(service, idOf('1205')), { state: 'cancelled' })
  })
})

t.test('so is every reason to hold a request back', async (t) => {
  const parked = async (name: keyof typeof held, more: object, reason: string) => {
    const requestId = await ask(service, held[name], { reference: name, ...more })
    t.match(await atRest(service, requestId, 0), { state: 'parked', reason, attempts: 0 })
    return requestId
  }
  const logonOf = (name: keyof typeof held) => ({
    AccountNumber: held[name],
    AccountCredential: { Password: `${secrets['a password of the bank']}wrong` }
  })
  const refused = await ask(service, held['the account of a refused log-on'], {
    reference: 'refused',
    RequestData: logonOf('the account of a refused log-on')
  })
  t.match(await atRest(service, refused), { reason: 'retries-exhausted' })
  const heldBack = 'the account of a request that is held back for it'
  await parked(heldBack, { RequestData: logonOf(heldBack) }, 'credentials')

  const expired = `${part({ alg: 'none' })}.${part({ exp: 1 })}.${secrets['a JWT that has expired']}`
  const authorization = { jwt: expired }
  const name = 'the account of a request whose JWT has expired'
  const requestId = await parked(name, { authorization }, 'authorization-expired')
  const path = `/v1/requests/${requestId}/authorization`
  const apiKey = secrets['an authorization that was given later']
  answers.push(await service.api('PUT', path, { apiKey, more: apiKey }))
  answers.push(await service.api('PUT', path, { apiKey }))
  t.match(await atRest(service, requestId), { state: 'delivered' })
  t.match(world.khipu.calls.at(-1), { credential: apiKey })
})

t.test('what is refused or kept in quarantine does not speak of secrets either', async (t) => {
  const refused = secrets['a value in a refused body']
  const bodies = [
    { RequestData: { AccountNumber: refused } },
    { RequestData: refused },
    { RequestData: { AccountNumber: '1' }, authorization: { jwt: `${refused} ${refused}` } },
    { RequestData: { AccountNumber: '1' }, authorization: { jwt: refused, apiKey: refused } },
    { RequestData: { AccountNumber: '1' }, service: refused }
  ]
  for (const body of bodies) answers.push(await service.api('POST', '/v1/requests', body))
  const headers = { authorization: `Bearer ${refused}` }
  answers.push(await call(`${service.adminUrl}/v1/requests`, { headers }))
  answers.push(await service.api('GET', `/v1/requests/${refused}`))

  const quarantined = secrets['a text in a quarantined callback']
  const url = callbackUrlOf(accounts['the account of a waiting request'])
  for (const body of [
    `not JSON: ${quarantined}`,
    `{"Status":"${quarantined}"}`,
    `{"Data":"${quarantined}"}`
  ]) {
    const answer = await call(url, { method: 'POST', body })
    t.match(answer.status, /^4(?:00|22)$/)
    answers.push(answer)
  }
  const last = url.endsWith('_') ? '-' : '_'
  answers.push(await call(url.slice(0, -1) + last, { method: 'POST', body: quarantined }))

  const Description = secrets['a description of an error']
  const error = { Code: 'E401', Type: 'DO_NOT_RETRY', Description }
  const envelope = { OperationId: 'o', Status: 'ERROR', Data: null, Error: error }
  const late = callbackUrlOf(accounts['the account of a cancelled request'])
  answers.push(await call(late, { method: 'POST', body: JSON.stringify(envelope) }))

  const kept = await until('the late result is kept', async () => {
    const answer = await service.api<Kept>('GET', '/v1/quarantine?limit=200')
    answers.push(answer)
    return answer.body.items.find(({ requestId }) => requestId === idOf('1704'))
  })
  answers.push(await service.api('POST', `/v1/quarantine/${kept.quarantineId}/accept`))
  await resultsOf(world, [`${idOf('1704')}-late`])
})

t.test('no answer of the API or of the public listener holds a secret', async (t) => {
  const paths = ['/v1/requests', '/v1/quarantine', '/metrics', '/openapi.json', '/health/ready']
  for (const path of paths) answers.push(await service.api('GET', path))
  const { items } = (await service.api<{ items: { requestId: string }[] }>('GET', '/v1/requests'))
    .body
  t.ok(items.length > asked.length)
  for (const { requestId } of items) {
    answers.push(await service.api('GET', `/v1/requests/${requestId}`))
  }
  answers.push(await service.api('POST', '/v1/notifications', { all: true, dryRun: true }))
  const said = answers.map(({ text, headers }) => text + JSON.stringify([...headers])).join('\n')
  for (const [what, secret] of everything()) {
    t.test(what, async (t) => {
      t.same(findIn(said, secret), [])
    })
  }
})

t.test('no log line holds a secret', async (t) => {
  const said = [...service.logs.map((line) => JSON.stringify(line)), service.stderr()].join('\n')
  t.same(service.strays, [])
  t.ok(service.logs.length > 20)
  for (const [what, secret] of everything()) {
    t.test(what, async (t) => {
      t.same(findIn(said, secret), [])
    })
  }
})

t.test('a diagnostic report of the process holds no secret', async (t) => {
  service.send('SIGUSR2')
  const file = await until('the report is whole', async () => {
    const [name] = await readdir(reports)
    const text = name === undefined ? '' : await readFile(join(reports, name), 'utf8')
    return text.trim().endsWith('}') && text
  })
  t.match(file, '"PUBLIC_URL"', 'it tells of the environment')
  for (const [what, secret] of everything()) {
    t.test(what, async (t) => {
      t.same(findIn(file, secret), [])
    })
  }
})

t.test('no capability is written down', async (t) => {
  const tokens = world.khipu.calls.map(({ callbackUrl }) => callbackUrl?.split('/').at(-1) ?? '')
  const said = [...service.logs, ...answers.map(({ text }) => text)].map((one) =>
    JSON.stringify(one)
  )
  const stored = await everythingIn(world.client)
  t.equal(tokens.length, world.khipu.calls.length)
  for (const token of tokens) {
    t.ok(token.length > 68)
    t.notOk(
      said.some((text) => text.includes(token)),
      'not in a log or an answer'
    )
    t.notOk(
      stored.some(([, text]) => text.includes(token)),
      'not in Redis'
    )
  }
})

t.test('no key and no value of Redis holds a secret, beyond the data of the results', async (t) => {
  const stored = await everythingIn(world.client)
  t.ok(stored.length > 50)
  for (const [what, secret] of everything()) {
    t.test(what, async (t) => {
      const found = stored.filter(([, text]) => findIn(text, secret).length > 0)
      t.same(
        found.map(([key]) => key),
        []
      )
    })
  }
})

t.test(
  'no secret was ever written to the file of Redis, beyond the data of the results',
  async (t) => {
    const { folder = '' } = world.redis
    const files = await readdir(join(folder, 'appendonlydir'))
    const written = (
      await Promise.all(
        files.map((file) => readFile(join(folder, 'appendonlydir', file), 'latin1'))
      )
    ).join('\n')
    t.ok(written.includes(asked[0]?.requestId ?? '-'), 'the file is the right one')
    for (const [what, secret] of everything()) {
      // A result holds what Khipu sent: its transactions name their account.
      if (delivered.has(secret)) continue
      t.test(what, async (t) => {
        t.same(findIn(written, secret), [])
      })
    }
  }
)

t.test('what was sealed is shredded once a request has ended', async (t) => {
  const tag = `{${world.env['QUEUE_PREFIX']}:0}`
  for (const prefix of ['1001', '1301', '1103', '1205', '1603', '1704', '1703']) {
    t.test(prefix, async (t) => {
      const id = idOf(prefix)
      t.equal(await world.client.hexists(`${tag}:request:${id}`, 'sealed'), 0)
      await until('no body is left', async () => {
        return (await world.client.exists(`${tag}:bodies:${id}`)) === 0
      })
    })
  }
  for (const prefix of ['1106', '1104']) {
    t.test(`${prefix}, which is still open, has its own`, async (t) => {
      t.equal(await world.client.hexists(`${tag}:request:${idOf(prefix)}`, 'sealed'), 1)
    })
  }
})

t.test('the log has a line for each event of a request, with its id', async (t) => {
  const story = (prefix: string) =>
    service.logs.filter(({ requestId }) => requestId === idOf(prefix)).map(({ msg }) => msg)
  const rows = [
    [
      '1001',
      [
        'request accepted',
        'request sent',
        'callback received',
        'callback decided',
        'result published'
      ]
    ],
    ['1301', ['request accepted', 'request sent', 'result published']],
    ['1106', ['request accepted', 'request sent', 'callback received', 'callback decided']]
  ] as const
  for (const [prefix, events] of rows) {
    t.test(prefix, async (t) => {
      t.same(story(prefix).toSorted(), [...events].toSorted())
    })
  }
})

t.test('credentials reach Khipu, and each request its own', async (t) => {
  const credentialOf = (name: keyof typeof accounts) =>
    world.khipu.calls.find((one) => one.account === accounts[name])
  t.match(credentialOf('the account of a delivered request'), {
    auth: 'bearer',
    credential: secrets['the JWT of a request'],
    requestData: { AccountCredential: { Password: secrets['a password of the bank'] } }
  })
  t.match(credentialOf('the account of a failed request'), {
    auth: 'api-key',
    credential: secrets['the API key of a request']
  })
  t.match(credentialOf('the account of a parked request'), {
    auth: 'api-key',
    credential: secrets["the service's API key"]
  })
})

interface Kept {
  readonly items: readonly { requestId: string; quarantineId: string }[]
}

async function askForAll() {
  const authorizations = [
    { authorization: { jwt: secrets['the JWT of a request'] } },
    { authorization: { apiKey: secrets['the API key of a request'] } },
    {}
  ]
  const own: Readonly<Record<string, number>> = { '1001': 0, '1103': 1, '1106': 2 }
  return Promise.all(
    Object.values(accounts).map(async (AccountNumber, index) => {
      const prefix = AccountNumber.slice(0, 4)
      const RequestData = {
        AccountNumber,
        AccountCredential: {
          Username: secrets['a user name of the bank'],
          Password: secrets['a password of the bank']
        },
        Unknown: [secrets['an unknown key of RequestData']]
      }
      const more = authorizations[own[prefix] ?? index % 3]
      return {
        prefix,
        requestId: await ask(service, AccountNumber, { ...more, RequestData, reference: prefix })
      }
    })
  )
}

function idOf(prefix: string): string {
  return asked.find((one) => one.prefix === prefix)?.requestId ?? ''
}

function callbackUrlOf(accountNumber: string): string {
  return world.khipu.calls.find((one) => one.account === accountNumber)?.callbackUrl ?? ''
}

/** A part of a JWT. */
function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function everything(): readonly (readonly [string, string])[] {
  return [...Object.entries(secrets), ...Object.entries(accounts), ...Object.entries(held)]
}

/** The forms in which a text holds a secret: as it is, encoded, or as a hash that could be guessed at. */
function findIn(text: string, secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const hash = createHash('sha256').update(bytes)
  const forms = {
    plain: secret,
    base64: bytes.toString('base64').replace(/=+$/, ''),
    base64url: bytes.toString('base64url'),
    hex: bytes.toString('hex'),
    sha256: hash.copy().digest('hex'),
    'sha256 in base64url': hash.digest('base64url')
  }
  return Object.entries(forms).flatMap(([form, value]) => (text.includes(value) ? [form] : []))
}

/** Every key of Redis with all that it holds, read byte by byte; of a result all but Khipu's envelope. */
async function everythingIn(client: Redis): Promise<readonly (readonly [string, string])[]> {
  const jobs = await resultJobs(world)
  const envelopes = jobs.flatMap(({ data: { response } }) =>
    response === null ? [] : [Buffer.from(JSON.stringify(response)).toString('latin1')]
  )
  const keys = await client.keys('*')
  return Promise.all(
    keys.map(async (key) => {
      const held = envelopes.reduce(
        (text, envelope) => text.replaceAll(envelope, ''),
        await contentOf(client, key)
      )
      return [key, `${key}\n${held}`] as const
    })
  )
}

async function contentOf(client: Redis, key: string): Promise<string> {
  switch (await client.type(key)) {
    case 'hash':
      return flat(await client.callBuffer('HGETALL', key))
    case 'list':
      return flat(await client.callBuffer('LRANGE', key, 0, -1))
    case 'set':
      return flat(await client.callBuffer('SMEMBERS', key))
    case 'zset':
      return flat(await client.callBuffer('ZRANGE', key, 0, -1))
    case 'stream':
      return flat(await client.callBuffer('XRANGE', key, '-', '+'))
    default:
      return flat(await client.getBuffer(key))
  }
}

function flat(reply: unknown): string {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1')
  if (Array.isArray(reply)) return reply.map(flat).join('\n')
  if (reply instanceof Map) return flat([...reply].flat())
  if (typeof reply === 'object' && reply !== null) return flat(Object.entries(reply).flat())
  return String(reply)
}
