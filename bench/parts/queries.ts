import { addOperation, fillByScript, SERVICES } from '../site/fill-by-script.ts'
import { buildTree, ROOT, say } from '../site/processes.ts'
import { type Service, startService, TOKEN } from '../site/service.ts'
import { startStore } from '../site/store.ts'
import { goalOf, type Results } from '../report/results.ts'
import { median, plain } from '../report/statistics.ts'

const REQUESTS = 1_000_000
const TIMES = 31
/** In ms, the median of a page, of the summary and of stats up to a day. */
const LIMIT = 50

const HOUR_MS = 3_600_000
const ago = (hours: number) => new Date(Date.now() - hours * HOUR_MS).toISOString()

const QUESTIONS: readonly [what: string, path: () => string, hasGoal: boolean][] = [
  ['page of 50: all', () => '/v1/requests?', true],
  ['page of 50: parked', () => '/v1/requests?state=parked', true],
  [
    'page of 50: parked, a reason, a code',
    () => '/v1/requests?state=parked&reason=credentials&code=E201',
    true
  ],
  [
    'page of 50: two states, one service',
    () => `/v1/requests?state=parked,retry-scheduled&service=${SERVICES[0]}`,
    true
  ],
  ['page of 50: one code in all states', () => '/v1/requests?code=E201', true],
  ['page of 50: failed, two weeks ago', () => `/v1/requests?state=failed&until=${ago(336)}`, true],
  ['page of 50: every group', () => `/v1/requests?service=${SERVICES.join(',')}`, true],
  ['page of 50: parked, by the next step', () => '/v1/requests?state=parked&sort=due', true],
  [
    'page of 50: by the beginning of a reference',
    () => '/v1/requests?referencePrefix=run-7-',
    true
  ],
  ["one by Khipu's operation", () => '/v1/requests?operationId=operation-of-the-bench', true],
  ['page of 200: parked', () => '/v1/requests?state=parked&limit=200', false],
  ['summary', () => '/v1/summary', true],
  ['summary by reason of what is parked', () => '/v1/summary?by=reason&state=parked', true],
  ['stats: 60 minutes', () => '/v1/stats?by=state', true],
  ['stats: 3 hours of minutes', () => `/v1/stats?by=state,bank&from=${ago(2.99)}`, true],
  ['stats: 24 hours', () => `/v1/stats?by=state,bank&from=${ago(24)}`, true],
  ['stats: 7 days', () => `/v1/stats?by=state&from=${ago(168)}`, false]
]

/** How long the operator's questions take with a million requests in the ledger, through the API. */
export async function measureQueries(requests = REQUESTS): Promise<Results> {
  await buildTree(ROOT)
  const store = await startStore()
  await store.client.config('SET', 'appendonly', 'no')
  say(`writing ${plain(requests)} requests by a script`)
  const written = await fillByScript(store.client, requests)
  const service = await startService({ role: 'server', redisUrl: store.redis.url, root: ROOT })
  const [newest] = (await ask(service, '/v1/requests?')).items ?? []
  await addOperation(store.client, newest?.requestId ?? '')
  const goals = []
  const rows: string[][] = []
  for (const [what, path, hasGoal] of QUESTIONS) {
    const { times, items } = await timesOf(service, path())
    const [fastest, slowest] = [Math.min(...times), Math.max(...times)]
    if (hasGoal) goals.push(goalOf(what, times, 'ms', ['at most', LIMIT]))
    rows.push([what, String(items), plain(median(times)), plain(fastest), plain(slowest)])
  }
  const groups = await store.client.hlen('{khipu:0}:groups')
  await service.stop()
  await store.stop()
  const title = `Questions with ${plain(written)} requests in ${plain(groups)} groups`
  const head = ['question', 'items', 'median ms', 'fastest', 'slowest']
  return { goals, tables: [{ title, head, rows }] }
}

async function timesOf(service: Service, path: string) {
  const { items } = await ask(service, path)
  const times: number[] = []
  for (let time = 0; time < TIMES; time++) {
    const start = performance.now()
    await ask(service, path)
    times.push(performance.now() - start)
  }
  return { times, items: items?.length ?? 0 }
}

interface Answer {
  readonly items?: readonly { readonly requestId: string }[]
}

async function ask({ adminPort }: Service, path: string): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
    headers: { authorization: `Bearer ${TOKEN}` }
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}: ${text}`)
  return JSON.parse(text) as Answer
}
