import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findOnPath } from '../../simulator/find-on-path.ts'
import type { Plan } from '../plan.ts'
import type { Progress } from '../report/progress.ts'
import type { Results, Table } from '../report/results.ts'
import { plain } from '../report/statistics.ts'
import { say } from '../site/processes.ts'
import type { Store } from '../site/store.ts'

/** Five writes of the kind that storing a callback needs. */
const SCRIPT =
  "redis.call('HSET', KEYS[1], 'body', ARGV[1]) redis.call('HSET', KEYS[1], 'state', 'stored') " +
  "redis.call('ZADD', KEYS[1] .. ':due', 1, KEYS[1]) redis.call('INCR', 'total') " +
  "redis.call('LPUSH', 'list', KEYS[1]) return 1"

const IN_FLIGHT = [1, 50]
const CALLS = 20_000

/** How fast this Redis takes 1 KB by itself, as redis-benchmark measures it; no table where that program is missing. */
export async function measureStore(
  { fsync, inFlight }: Plan,
  store: Store,
  progress: Progress
): Promise<Results> {
  const program = await findOnPath(['redis-benchmark', 'valkey-benchmark'])
  if (program === undefined) {
    say('redis-benchmark is not on the PATH: the limits of Redis itself are not measured')
    return { goals: [], tables: [] }
  }
  progress.step('limits of Redis itself, by redis-benchmark', storeSeconds)
  const rows: string[][] = []
  for (const mode of fsync) {
    await store.setFsync(mode)
    for (const clients of IN_FLIGHT.filter((one) => inFlight.includes(one))) {
      await store.reset()
      const measure = (...command: string[]) => rateOf(program, store.redis.url, clients, command)
      const set = await measure('SET', 'key:__rand_int__', 'x'.repeat(1000))
      const script = await measure('EVAL', SCRIPT, '1', 'hash:__rand_int__', 'x'.repeat(1000))
      rows.push([mode, String(clients), plain(set), plain(script)])
    }
  }
  await store.reset()
  return { goals: [], tables: [tableOf(rows)] }
}

export const storeSeconds = 20

function tableOf(rows: readonly string[][]): Table {
  return {
    title: 'Limits of Redis itself, 1 KB, per second',
    head: ['appendfsync', 'in flight', 'SET', 'a Lua script of five writes'],
    rows
  }
}

async function rateOf(
  program: string,
  url: string,
  clients: number,
  command: readonly string[]
): Promise<number> {
  const calls = clients === 1 ? CALLS / 10 : CALLS
  const sizes = ['-c', String(clients), '-n', String(calls), '-r', '100000']
  const args = ['-p', new URL(url).port, ...sizes, '--csv', ...command]
  const { stdout } = await promisify(execFile)(program, args)
  // The last line is `"<command>","<per second>","<more>"`.
  const rate = Number(stdout.trim().split('\n').at(-1)?.split('","')[1])
  if (!(rate > 0)) throw new Error('redis-benchmark printed no rate')
  return rate
}
