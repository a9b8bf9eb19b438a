import { globSync } from 'node:fs'
import { parseSync, Visitor } from 'oxc-parser'
import t from 'tap'
import { PROBLEM_MEANINGS } from '../../../src/operator/openapi/problem-meanings.ts'
import { type ProblemCode, PROBLEMS, TITLES } from '../../../src/operator/problem.ts'
import { CALLBACK_ANSWERS } from '../../../src/callbacks/callback-answers.ts'
import { configurationPage, envExample } from '../../../scripts/configuration.ts'
import { listenerWithoutService } from '../../../scripts/openapi.ts'
import { SECRETS, SETTINGS } from '../../../src/config/settings.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import { type Reason, STATES } from '../../../src/core/request.ts'
import { schemas } from '../../../src/schemas/validate.ts'
import { codeIn, DOCUMENTS, readProject, tableAfter } from '../../helpers/documents.ts'
import { scrapeOfAll } from '../../helpers/scrape.ts'

// The reference pages say what the code has, and all of it: settings, metrics, log lines, routes, errors, answers.

const REFERENCE = 'docs/reference'
const API = `${REFERENCE}/operator-api.md`
const sources = globSync('src/**/*.ts', { cwd: new URL('../../../', import.meta.url) })

t.test('the configuration page and .env.example are generated from the settings', async (t) => {
  t.equal(readProject(`${REFERENCE}/configuration.md`), configurationPage())
  t.equal(readProject('.env.example'), envExample())
  const [, named = ''] = /This\s+works for (.*?)\.\n/s.exec(configurationPage()) ?? []
  t.same(codeIn(named), SECRETS, 'the settings that may be a file')
})

t.test('every setting that a document names exists', async (t) => {
  const known = new Set([
    ...Object.keys(SETTINGS.properties),
    ...SECRETS.map((name) => `${name}_FILE`),
    // Of docker-compose.yml, of the simulator, and of other programs.
    ...(readProject('docker-compose.yml').match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? []),
    ...(readProject('simulator/settings.ts').match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? []),
    ...['NGINX_CONF', 'RESULT_KEYS', 'NODE_EXTRA_CA_CERTS', 'REDISCLI_AUTH', 'REDIS_DATA'],
    ...['CALLBACK_TIMEOUTS', 'X_FILE']
  ])
  const words = DOCUMENTS.flatMap((document) =>
    codeIn(readProject(document)).flatMap((code) => {
      const [name = ''] = /^[A-Z]+(?:_[A-Z]+)+(?==|$)/.exec(code) ?? []
      return name === '' || isOfOthers(name) ? [] : [`${document}: ${name}`]
    })
  )
  t.ok(words.length > 100)
  t.same(
    words.filter((word) => !known.has(word.split(': ')[1] ?? '')),
    []
  )
})

/** Words of Khipu's contract, and codes of errors. */
function isOfOthers(name: string): boolean {
  return /^(?:RETRY_IMMEDIATELY|DO_NOT_RETRY|RETRY_AFTER_NOTIFICATION|WAIT_|ERR_|CERT_)/.test(name)
}

t.test('every metric is documented with its labels, and no other', async (t) => {
  const rows = tableAfter(`${REFERENCE}/metrics-and-logs.md`, 'metrics')
  t.same(rows.flatMap(([name = '']) => codeIn(name)).toSorted(), (await metricsOfCode()).toSorted())
})

t.test('every metric that a document names exists', async (t) => {
  const known = new Set((await metricsOfCode()).map((name) => name.replace(/\{.*/, '')))
  const named = DOCUMENTS.flatMap((document) =>
    [...readProject(document).matchAll(/\bkhipu_(?!api_key|jwt)[a-z_]*[a-z]\b(?!_?\*)/g)].map(
      ([name]) => name
    )
  )
  t.ok(named.length > 50)
  t.same(
    named.filter((name) => !known.has(name)),
    []
  )
})

/** The names of all metrics, as a process gives them once something of everything has happened. */
async function metricsOfCode(): Promise<string[]> {
  const samples = (await scrapeOfAll()).matchAll(/^(khipu_\w+)(?:\{(.*)\})? /gm)
  const names = [...samples].map(([, name = '', labels]) => {
    const keys = [...(labels ?? '').matchAll(/(\w+)="/g)].map(([, key]) => key)
    const isBucket = keys.includes('le')
    const own = keys.filter((key) => key !== 'le')
    const whole = isBucket ? name.replace(/_bucket$/, '') : name
    return own.length === 0 ? whole : `${whole}{${own.join(',')}}`
  })
  // Prometheus adds these two to a histogram.
  const all = new Set(names.filter((name) => !/_(?:sum|count)(?:\{|$)/.test(name)))
  return [...all]
}

for (const [levels, page, mark] of [
  [['warn', 'error', 'fatal'], 'docs/operate/runbook.md', 'log-lines'],
  [['info'], `${REFERENCE}/metrics-and-logs.md`, 'info-lines']
] as const) {
  t.test(`every log line of the levels ${levels.join(', ')} is documented, no other`, async (t) => {
    const documented = tableAfter(page, mark).flatMap(([lines = '']) => codeIn(lines))
    const logged = sources.flatMap((path) => logLinesOf(path, levels))
    t.ok(logged.length > 10)
    t.same(documented.toSorted(), [...new Set(logged)].toSorted())
  })
}

t.test('every concern and warning of the runbook begins as one of the code does', async (t) => {
  const page = 'docs/operate/runbook.md'
  const rows = [...tableAfter(page, 'concerns'), ...tableAfter(page, 'start-warnings')]
  const texts = sources.map(readProject).join('\n')
  const beginnings = rows.flatMap(([words = '']) => codeIn(words)).map((it) => it.replace(/:$/, ''))
  t.ok(beginnings.length > 10)
  for (const words of beginnings) {
    // One of them is written with the name of its setting left out.
    const withoutName = words.replace(/^\w+/, '${name}')
    t.ok(texts.includes(words) || texts.includes(withoutName), words)
  }
})

/** The texts that a file gives a log on one of these levels; those that are computed stand in no table. */
function logLinesOf(path: string, levels: readonly string[]): string[] {
  const found: string[] = []
  const { program } = parseSync(path, readProject(path))
  new Visitor({
    CallExpression({ callee, arguments: given }) {
      if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return
      if (!levels.includes(callee.property.name)) return
      for (const one of given) {
        if (one.type === 'Literal' && typeof one.value === 'string') found.push(one.value)
      }
    }
  }).visit(program)
  return found
}

t.test('every route of the operator API is documented with its scope, and no other', async (t) => {
  const app = await listenerWithoutService()
  t.teardown(() => app.close())
  const { paths } = (await app.inject({ url: '/openapi.json' })).json<{ paths: Paths }>()
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { description }]) => ({
      call: `${method.toUpperCase()} ${path}`,
      scope: codeIn(description).at(-1) ?? ''
    }))
  )
  t.ok(described.length > 5)
  const rows = tableAfter(API, 'routes').map(([call = '', scope = '']) => ({
    call: codeIn(call)[0] ?? '',
    scope: codeIn(scope)[0] ?? ''
  }))
  const byCall = (one: { call: string }, other: { call: string }) =>
    one.call < other.call ? -1 : 1
  t.same(
    rows.filter(({ call }) => call.includes('/v1/')).toSorted(byCall),
    described.filter(({ call }) => call.includes('/v1/')).toSorted(byCall)
  )
  for (const { call } of rows.filter((row) => !row.call.includes('/v1/'))) {
    const [method = '', url = ''] = call.split(' ')
    t.ok(app.hasRoute({ method, url }), call)
  }
})

type Paths = Record<string, Record<string, { readonly description: string }>>

t.test(
  'every state is in the table and in the diagram of the concepts, and no other',
  async (t) => {
    const page = 'docs/concepts.md'
    t.same(
      new Set(tableAfter(page, 'states').flatMap(([state = '']) => codeIn(state))),
      new Set(STATES)
    )
    const [, diagram = ''] = /```mermaid\n(.*?)```/s.exec(readProject(page)) ?? []
    const named = diagram.matchAll(/^ +(\w+) --> (\w+)/gm)
    const drawn = [...named].flatMap(([, from = '', to = '']) => [from, to])
    t.same(new Set(drawn.map((state) => state.replace('_', '-'))), new Set(STATES))
  }
)

t.test('every reason of a state is documented, and no other', async (t) => {
  const { enum: parked } = schemas.get('park-reason') as unknown as { enum: string[] }
  const { properties } = schemas.get('result') as unknown as {
    properties: { reason: { anyOf: readonly { enum?: string[] }[] } }
  }
  const failed = properties.reason.anyOf.flatMap(({ enum: words = [] }) => words)
  const retried = Object.keys(BUILT_IN_POLICY.retry)
  const waiting: Reason[] = ['account-busy', 'logon-probe', 'ambiguous']
  t.same(
    tableAfter(API, 'reasons')
      .flatMap(([reason = '']) => codeIn(reason))
      .toSorted(),
    [...new Set([...waiting, ...retried, ...parked, ...failed])].toSorted()
  )
})

t.test('every event of a history is documented, and no other', async (t) => {
  const documented = tableAfter(API, 'events').flatMap(([event = '']) => codeIn(event))
  const texts = sources.map(readProject)
  const named = texts.flatMap((text) => [...text.matchAll(/\bevent: '([\w-]+)' ?[,}]/g)])
  t.ok(named.length > 10)
  for (const [, event = ''] of named) t.ok(documented.includes(event), event)
  for (const event of documented) {
    t.ok(
      texts.some((text) => text.includes(`'${event}'`)),
      `${event} is a word of the code`
    )
  }
})

t.test('every code of a problem document is documented with its status, no other', async (t) => {
  const rows = tableAfter(API, 'problems')
  const known = Object.entries(PROBLEMS) as [ProblemCode, keyof typeof TITLES][]
  t.ok(known.length > 20)
  t.same(
    rows,
    known.map(([code, status]) => [
      String(status),
      TITLES[status],
      `\`${code}\``,
      PROBLEM_MEANINGS[code]
    ])
  )
})

t.test('every status of a callback is documented with its answer, and no other', async (t) => {
  const rows = tableAfter(`${REFERENCE}/callback-responses.md`, 'responses')
  const documented = rows.flatMap(([status = '']) => codeIn(status))
  // Those two have no answer of their own.
  const known = Object.values(CALLBACK_ANSWERS)
  const counted = [...known.map(({ metric }) => metric), 'spooled', 'incomplete']
  t.same(documented.toSorted(), [...new Set(counted)].toSorted())
  for (const { httpStatus, metric, status } of known) {
    const row = rows.find(([name]) => name === `\`${metric}\``) ?? []
    t.match(row[1], String(httpStatus), `${metric}: ${httpStatus}`)
    t.match(row[2], `"status":"${status}"`, `${metric}: ${status}`)
  }

  const answers = rows.flatMap(([, , body = '']) => [...body.matchAll(/"status":"([\w-]+)"/g)])
  const { properties } = schemas.get('callback-answer') as unknown as {
    properties: { status: { enum: string[] } }
  }
  t.same(new Set(answers.map(([, word]) => word)), new Set(properties.status.enum))
})

interface PolicyFile {
  readonly retry: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly park: Readonly<Record<string, { readonly failAfter: string }>>
  readonly [limit: string]: unknown
}

t.test('the numbers of the retry policy are those of the example, which is built in', async (t) => {
  const page = `${REFERENCE}/retry-policy.md`
  const example = 'schemas/examples/retry-policy.example.json'
  const { retry, park, ...limits } = JSON.parse(readProject(example)) as PolicyFile
  const plain = (rows: string[][]) => rows.map((row) => row.map((cell) => cell.replaceAll('`', '')))
  t.same(
    plain(tableAfter(page, 'retry-rows')),
    Object.entries(retry).map(([name, { delays, jitter, maxRetries, retryAfterMax = '' }]) => [
      name,
      (delays as string[]).join(', '),
      ...[jitter, maxRetries, retryAfterMax].map(String)
    ])
  )
  t.same(
    plain(tableAfter(page, 'park-rows')),
    Object.entries(park).map(([name, { failAfter }]) => [name, failAfter])
  )
  t.same(
    plain(tableAfter(page, 'limits')).map(([name, value]) => [name, value]),
    Object.entries(limits).map(([name, value]) => [name, String(value)])
  )
  const { enum: reasons } = schemas.get('park-reason') as unknown as { enum: string[] }
  t.same(
    plain(tableAfter('docs/operate/runbook.md', 'park-reasons')).map(([reason]) => reason),
    reasons
  )
})
