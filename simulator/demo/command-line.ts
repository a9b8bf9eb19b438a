import { parseArgs } from 'node:util'

/** What the command line asks of the demo. */
export interface Flags {
  readonly keep: boolean
  readonly crash: boolean
  /** The operator API of a service that runs already; null where the demo has one of its own. */
  readonly join: string | null
  readonly help: boolean
  /** What is no flag of the demo. */
  readonly faults: readonly string[]
}

/** Reads the flags. */
export function readFlags(args: readonly string[]): Flags {
  // Strict would stop at the first fault.
  const { values, tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true
  })
  return {
    keep: values['keep'] === true,
    crash: values['crash'] === true,
    join: typeof values['join'] === 'string' ? values['join'] : null,
    help: values['help'] === true,
    faults: [
      ...tokens.flatMap(faultsOf),
      ...('join' in values && 'crash' in values ? ['--crash needs a service of its own'] : [])
    ]
  }
}

interface Token {
  readonly kind: string
  readonly name?: string
  readonly rawName?: string
  readonly value?: string | undefined
}

function faultsOf({ kind, name = '', rawName, value }: Token): string[] {
  if (kind === 'positional') return ['an argument is no flag']
  if (kind !== 'option') return []
  if (!Object.hasOwn(options, name)) return [`${rawName} is unknown`]
  if (name === 'join') return URL.canParse(value ?? '') ? [] : [`${rawName} needs a URL`]
  return value === undefined ? [] : [`${rawName} takes no value`]
}

const options = {
  keep: { type: 'boolean' },
  crash: { type: 'boolean' },
  join: { type: 'string' },
  help: { type: 'boolean' }
} as const

/** The text of --help. */
export const usage = `npm run demo [-- flags]: the service at work, between a simulated Khipu and a simulated consumer

  --crash   kill the service with SIGKILL in the middle and start it again
  --keep    leave everything running after the summary and print what to try, until Ctrl-C
  --join U  play with the service whose operator API is at U, as docker-compose.yml does
  --help    this text

Uses the Redis at REDIS_URL if there is one, under a queue prefix of its own that is removed at the
end; else starts a private one. Ends with 0 if every request ended as its scenario says, with 1 if
anything else happened, and with 130 after Ctrl-C.`
