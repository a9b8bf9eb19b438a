import { parseArgs } from 'node:util'

export const PARTS = ['intake', 'through', 'waiting', 'footprint'] as const
const ALONE = ['timing', 'memory', 'queries'] as const
export type PartName = (typeof PARTS)[number]

/** What the command line asks for. */
export interface Options {
  readonly parts: readonly PartName[]
  /** A measurement that runs by itself. */
  readonly alone: (typeof ALONE)[number] | null
  readonly full: boolean
  readonly million: boolean
  readonly soak: boolean
  readonly write: boolean
  readonly quick: boolean
  readonly against: string | undefined
  readonly rounds: number | undefined
  readonly seconds: number | undefined
  readonly help: boolean
}

export const USAGE = `npm run bench [-- parts and flags]: how fast the service is, beside what it is compared with

  intake       callbacks stored and answered, beside a textbook receiver and one that stores nothing
  through      requests from the POST to the result on the queue; callbacks to results, beside a bare move
  waiting      bytes in Redis per request; pages, look-ups and releases with many parked requests; lateness
  footprint    start, memory, and the longest hold of the event loop by large bodies
  memory       alone: what each stage of a request adds to Redis's memory and to its file
  queries      alone: an operator's questions with a million requests in the ledger, filled by a script
  timing       alone: whether the time of a 404 tells why, beside a listener that leaks it

  --full       everything, in longer rounds (hours); otherwise about five minutes on two cores
  --million    waiting also with a million requests
  --soak       footprint also runs for an hour at a steady rate
  --write      writes docs/performance.md and docs/performance.svg
  --quick      in a minute, this tree beside the commit of --against (HEAD~1 by default)
  --rounds N   --seconds S   other rounds than planned, to try something out
  --help       this text

Without the name of a part all four run. It starts a Redis of its own, as the demo does.`

const on = { type: 'boolean', default: false } as const
const text = { type: 'string' } as const
const FLAGS = {
  ...{ full: on, million: on, soak: on, write: on, quick: on, help: on },
  ...{ against: text, rounds: text, seconds: text }
} as const

/** Reads the command line; throws where it has a mistake. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: FLAGS,
    allowPositionals: true
  })
  const alone = ALONE.find((name) => positionals.includes(name)) ?? null
  const parts = PARTS.filter((part) => positionals.includes(part))
  const unknown = positionals.find((name) => ![...ALONE, ...PARTS].some((known) => known === name))
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}`)
  if (values.write && parts.length > 0) throw new Error('--write needs all parts: name none')
  const { against, rounds, seconds, ...flags } = values
  if (against !== undefined && !flags.quick) throw new Error('--against needs --quick')
  return {
    ...flags,
    alone,
    against,
    parts: parts.length === 0 ? PARTS : parts,
    rounds: numberOf('rounds', rounds),
    seconds: numberOf('seconds', seconds)
  }
}

function numberOf(flag: string, word: string | undefined): number | undefined {
  if (word === undefined) return undefined
  if (!(Number(word) > 0)) throw new Error(`--${flag} needs a number above 0`)
  return Number(word)
}
