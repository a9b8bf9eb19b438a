import type { Generator } from '../load/run-generator.ts'
import type { Report } from '../load/order.ts'
import { countsBetween, countsOf, cpuOf } from './readings.ts'
import type { Store } from './store.ts'

/** A receiver of callbacks under test. */
export interface Candidate {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly stores: boolean
  /** Prepares so many callbacks, and gives their paths. */
  prepare(count: number): Promise<readonly string[]>
}

export interface Load {
  readonly bytes: number
  readonly inFlight: number
  readonly seconds: number
  readonly perSecond?: number
  /** Ends the measurement after so many callbacks. */
  readonly most?: number
}

/** What one measurement found. CPU seconds and Redis's counts are per 1,000 and per single callback. */
export interface Measured {
  /** Callbacks answered 200 in a second. */
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly refused: number
  readonly cpu: number
  readonly redisCpu: number
  readonly generatorCpu: number
  readonly reads: number
  readonly commands: number
}

export interface MeasureDeps {
  readonly store: Store
  readonly generator: Generator
}

/** From this size on a receiver may refuse some of many bodies at once, for want of memory. They are counted. */
export const LARGE = 1_000_000
/** More callbacks are prepared than the last rate needs: the next round may be faster. */
const HEADROOM = 1.7

/** Measures one receiver on a Redis that holds only what it needs. `guess` is the rate that it is expected to reach. */
export async function measure(
  { store, generator }: MeasureDeps,
  { name, pid, port, prepare }: Candidate,
  { bytes, inFlight, seconds, perSecond, most, guess }: Load & { readonly guess: number }
): Promise<Measured> {
  await store.reset()
  const paths = await prepare(Math.ceil(guess * seconds * HEADROOM) + 10 * inFlight)
  const read = async () => ({
    counts: await countsOf(store.client),
    cpu: cpuOf(pid),
    redisCpu: cpuOf(store.redis.pid)
  })
  const before = await read()
  const report = await generator.send(name, {
    port,
    method: 'POST',
    paths,
    body: { kind: 'callback', bytes },
    connections: inFlight,
    seconds,
    ...(perSecond === undefined ? {} : { perSecond }),
    ...(most === undefined ? {} : { count: most }),
    statuses: bytes < LARGE ? [200] : [200, 503]
  })
  return summarize(before, report, await read())
}

type Read = Pick<Measured, 'cpu' | 'redisCpu'> & { counts: ReturnType<typeof countsBetween> }

function summarize(before: Read, report: Report, after: Read): Measured {
  const { count, seconds, p50, p99, p999, cpuSeconds, statuses } = report
  const { reads, commands } = countsBetween(before.counts, after.counts)
  const stored = statuses['200'] ?? 0
  return {
    rate: stored / seconds,
    p50,
    p99,
    p999,
    refused: 1 - stored / count,
    cpu: ((after.cpu - before.cpu) * 1000) / count,
    redisCpu: ((after.redisCpu - before.redisCpu) * 1000) / count,
    generatorCpu: (cpuSeconds * 1000) / count,
    reads: reads / count,
    commands: commands / count
  }
}
