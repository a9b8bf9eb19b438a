import { goalOf, type Results, type Table } from '../report/results.ts'
import { plain, ratios, withSpread } from '../report/statistics.ts'
import type { Hold } from './holds.ts'
import type { Peak } from './memory-peaks.ts'
import type { Sample } from './soak.ts'

interface Footprint {
  readonly starts: Readonly<Record<StartName, readonly Start[]>>
  readonly peaks: readonly Peak[]
  readonly holds: readonly Hold[]
  /** Null without a long run. */
  readonly samples: readonly Sample[] | null
}

const MB = 1e6
const NAMES: readonly StartName[] = ['server', 'worker', 'textbook']

/** One start of a process: CPU seconds and wall time until it is ready, and its memory a little later. */
export interface Start {
  readonly cpu: number
  readonly seconds: number
  readonly memory: number
}

export type StartName = 'server' | 'worker' | 'textbook'

export function footprintResults({ starts, peaks, holds, samples }: Footprint): Results {
  const of = (name: StartName, field: keyof Start) => starts[name].map((start) => start[field])
  const memory = (name: StartName) => of(name, 'memory').map((bytes) => bytes / MB)
  const idle = (name: StartName) =>
    goalOf(`footprint: idle memory of a ${name}`, memory(name), 'MB', ['at most', 110])
  const cpu = ratios(of('server', 'cpu'), of('textbook', 'cpu'))
  return {
    goals: [
      goalOf('footprint: CPU to ready ÷ textbook', cpu, '×', ['at most', 1.2]),
      ...[idle('server'), idle('worker')]
    ],
    tables: [
      {
        title: 'Footprint: from the start to ready, and at rest',
        head: ['process', 'CPU seconds', 'seconds', 'memory in MB'],
        rows: NAMES.map((name) => [
          name,
          ...[of(name, 'cpu'), of(name, 'seconds'), memory(name)].map(withSpread)
        ]),
        note: 'Resident memory 2 s after ready. The textbook receiver loads its packages from node_modules.'
      },
      {
        title: 'Footprint: the most resident memory in MB',
        head: ['load', 'server', 'worker'],
        rows: peaks.map(({ load, server, worker }) => [
          load,
          plain(server / MB),
          plain(worker / MB)
        ])
      },
      {
        title: 'Footprint: the longest that another caller waits while bodies are posted',
        head: ['body', 'ms', 'CPU seconds for one', 'answers'],
        rows: holds.map(({ body, ms, cpu: one, statuses }) => [
          body,
          plain(ms),
          plain(one),
          statuses
        ]),
        note: 'One body after the other. `GET /health/live` is asked 200 times a second from another process.'
      },
      ...(samples === null ? [] : [soakTable(samples)])
    ]
  }
}

const SHOWN_EVERY = 10

function soakTable(samples: readonly Sample[]): Table {
  return {
    title: 'Footprint: memory in MB at a steady 15 requests a second',
    head: ['minutes', 'server', 'worker', 'data in Redis'],
    rows: samples
      .filter((_, index) => index === 0 || (index + 1) % SHOWN_EVERY === 0)
      .map(({ seconds, server, worker, redis }) => [
        plain(seconds / 60),
        ...[server, worker, redis].map((bytes) => plain(bytes / MB))
      ])
  }
}
