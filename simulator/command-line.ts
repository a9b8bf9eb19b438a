import { parseArgs, type ParseArgsConfig } from 'node:util'
import { flags } from './flags.ts'
import type { Settings } from './settings.ts'

/** What the command line and the environment ask for; violations name no value. */
export interface CommandLine {
  readonly settings: Partial<Settings>
  readonly consumer: boolean
  readonly help: boolean
  readonly violations: readonly string[]
}

/** Reads the flags, and for those not given the SIMULATOR_… variables; flags win. */
export function commandLine(args: readonly string[], env: NodeJS.ProcessEnv): CommandLine {
  const { values, tokens } = parseArgs({
    args: [...args],
    options,
    // Strict would stop at the first violation.
    strict: false,
    allowPositionals: true,
    tokens: true
  })
  const violations = tokens.flatMap(violationOf)
  const settings: Partial<Settings>[] = []
  for (const { flag, variable, read } of flags) {
    const word = values[flag] ?? env[variable]
    if (word === undefined) continue
    const setting = typeof word === 'string' ? read(word) : undefined
    if (setting !== undefined) settings.push(setting)
    else violations.push(`${flag in values ? `--${flag}` : variable} has no valid value`)
  }
  return {
    settings: Object.assign({}, ...settings) as Partial<Settings>,
    consumer: values['consumer'] === true,
    help: values['help'] === true,
    violations
  }
}

const options: NonNullable<ParseArgsConfig['options']> = Object.fromEntries([
  ...flags.map(({ flag }) => [flag, { type: 'string' }] as const),
  ['consumer', { type: 'boolean' }] as const,
  ['help', { type: 'boolean' }] as const
])

interface Token {
  readonly kind: string
  readonly rawName?: string
  readonly name?: string
}

function violationOf({ kind, name = '', rawName = '' }: Token): string[] {
  if (kind === 'positional') return ['an argument is no flag']
  return kind === 'option' && !Object.hasOwn(options, name) ? [`${rawName} is unknown`] : []
}
