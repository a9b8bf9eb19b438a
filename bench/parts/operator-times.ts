import type { Redis } from 'ioredis'
import { median } from '../report/statistics.ts'
import { countClientCommands } from '../site/client-commands.ts'
import { countsBetween, countsOf } from '../site/readings.ts'
import { type Service, TOKEN } from '../site/service.ts'

/** One operator call: how long it takes, and what it asks of Redis. */
export interface OperatorTime {
  readonly ms: number
  readonly clientCommands: number
  /** Socket reads of Redis: commands that travel together are one. */
  readonly roundTrips: number
}

export type OperatorTimes = Readonly<Record<keyof typeof CALLS, OperatorTime>>

const everything = (dryRun: boolean) => ({ all: true, dryRun })

/** A call is repeated where that changes nothing. */
const CALLS = {
  page: { path: () => '/v1/requests?state=parked&limit=50', body: null, times: 20 },
  'one request': { path: (id: string) => `/v1/requests/${id}`, body: null, times: 20 },
  'dry run of a release': {
    path: () => '/v1/notifications',
    body: everything(true),
    times: 3
  },
  release: { path: () => '/v1/notifications', body: everything(false), times: 1 }
} as const

/** Times the operator calls; the release comes last, because it changes what waits. */
export async function timeOperator(
  client: Redis,
  service: Service,
  id: string
): Promise<OperatorTimes> {
  const found = new Map<string, OperatorTime>()
  for (const [name, { path, body, times }] of Object.entries(CALLS)) {
    const call = () => timeOf(service, path(id), body)
    // A release must not be spent on warming up.
    if (times > 1) await call()
    found.set(name, await timeCalls(client, times, call))
  }
  return Object.fromEntries(found) as unknown as OperatorTimes
}

async function timeCalls(
  client: Redis,
  times: number,
  call: () => Promise<number>
): Promise<OperatorTime> {
  const spent: number[] = []
  const repeat = async () => {
    for (let time = 0; time < times; time++) spent.push(await call())
  }
  if (times === 1) {
    const before = await countsOf(client)
    let roundTrips = 0
    const counts = await countClientCommands(client, async () => {
      await repeat()
      roundTrips = countsBetween(before, await countsOf(client)).reads
    })
    return { ms: median(spent), clientCommands: counts.client, roundTrips }
  }
  const before = await countsOf(client)
  await repeat()
  const { reads } = countsBetween(before, await countsOf(client))
  const ms = median(spent)
  const counts = await countClientCommands(client, repeat)
  return { ms, clientCommands: counts.client / times, roundTrips: reads / times }
}

async function timeOf({ adminPort }: Service, path: string, body: object | null): Promise<number> {
  const start = performance.now()
  const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
    method: body === null ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: body === null ? null : JSON.stringify(body)
  })
  await answer.text()
  if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}`)
  return performance.now() - start
}
