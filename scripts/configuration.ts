// Writes the tables of docs/reference/configuration.md, and .env.example, from the table of settings in src/config.
// With --check it only compares, for CI.
import { readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'
import { SETTINGS } from '../src/config/settings.ts'

interface Row {
  readonly description: string
  readonly default?: string | number | boolean
  readonly form?: string
  readonly type?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
}

const COMMAND = 'npm run generate'
const rows: readonly (readonly [string, Row])[] = Object.entries(SETTINGS.properties)
const required: readonly string[] = SETTINGS.required

/** Each group of settings, by the first setting in it. */
const GROUPS: ReadonlyMap<string, string> = new Map([
  ['ROLE', 'Process'],
  ['REDIS_URL', 'Redis'],
  ['PUBLIC_URL', 'Listeners'],
  ['KHIPU_BASE_URL', 'Khipu'],
  ['API_TOKENS', 'Secrets'],
  ['RETRY_POLICY_FILE', 'Requests and results'],
  ['RESULT_RETENTION', 'Retention and storage'],
  ['WORKER_CONCURRENCY', 'Workers and limits']
])

/** The rows of the table, with a heading and a table for each group, as the reference page shows them. */
export function settingTables(): string {
  const lines = rows.flatMap(([name, row]) => [...headOf(name), lineOf(name, row)])
  return lines.join('\n').trim()
}

function headOf(name: string): string[] {
  const heading = GROUPS.get(name)
  if (heading === undefined) return []
  const table = ['| variable | default | allowed | |', '| --- | --- | --- | --- |']
  return ['', `### ${heading}`, '', ...table]
}

function lineOf(name: string, row: Row): string {
  const value = row.default === undefined ? '' : `\`${row.default}\``
  const given = required.includes(name) ? 'required' : value
  return `| \`${name}\` | ${given} | ${allowed(row)} | ${row.description} |`
}

function allowed({ form = '', type, enum: words, minimum, maximum }: Row): string {
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(', ')
  if (type === 'boolean') return '`true`, `false`'
  if (type === 'integer') return `${minimum} to ${maximum}`
  return form.replace(/^must (?:be (?:of )?|have )?/, '')
}

const PAGE = new URL('../docs/reference/configuration.md', import.meta.url)
const MARKED = /(?<=<!-- settings -->\n)[^]*(?=<!-- \/settings -->)/

/** The reference page as it is, with the tables of today between its marks. */
export function configurationPage(): string {
  const page = readFileSync(PAGE, 'utf8')
  if (!MARKED.test(page)) throw new Error('docs/reference/configuration.md lacks its marks')
  return page.replace(MARKED, () => `\n${settingTables()}\n\n`)
}

const EXAMPLE = new URL('../.env.example', import.meta.url)
const COMPOSE = new URL('../docker-compose.yml', import.meta.url)

/** The settings that `docker-compose.yml` takes from `.env`, commented out, each with its default. */
export function envExample(): string {
  const taken = rows.filter(([name]) => isTaken(name))
  const decided = rows.filter(([name]) => !isTaken(name)).map(([name]) => name)
  return [
    `# The settings that docker-compose.yml reads from a file \`.env\` beside it. Written by \`${COMMAND}\`.`,
    '# Copy this file to `.env`. Remove the # before a setting to change it.',
    '# docs/deploy/compose.md lists the variables of docker-compose.yml itself.',
    ...taken.flatMap(([name, row]) => ['', `# ${plain(row)}`, assignmentOf(name, row)]),
    '',
    '# docker-compose.yml decides these settings, or reads them from a file with a secret:',
    ...wrapped(decided),
    ''
  ].join('\n')
}

const passed = passedByCompose()

function isTaken(name: string): boolean {
  return passed.has(name)
}

/** The settings that stand in the file without a value, or that it asks for. */
function passedByCompose(): ReadonlySet<string> {
  const { services } = parse(readFileSync(COMPOSE, 'utf8'), { merge: true }) as {
    services: Record<string, { environment?: Record<string, string | null> }>
  }
  const environment = Object.entries(services['server']?.environment ?? {})
  const given = environment.filter(([name, value]) =>
    (value ?? `\${${name}`).includes(`\${${name}`)
  )
  return new Set(given.map(([name]) => name))
}

function plain({ description }: Row): string {
  return `${description.replaceAll('`', '')}.`
}

function assignmentOf(name: string, row: Row): string {
  return required.includes(name) ? `${name}=` : `# ${name}=${row.default ?? ''}`
}

function wrapped(names: readonly string[]): string[] {
  const lines = ['#']
  for (const name of names) {
    const line = `${lines.at(-1)} ${name}`
    if (line.length > 110) lines.push(`# ${name}`)
    else lines[lines.length - 1] = line
  }
  return lines
}

if (import.meta.main) {
  const files = [
    [PAGE, configurationPage(), 'docs/reference/configuration.md'],
    [EXAMPLE, envExample(), '.env.example']
  ] as const
  for (const [file, text, name] of files) {
    if (!process.argv.includes('--check')) writeFileSync(file, text)
    else if (textOf(file) !== text) {
      console.error(`${name} does not match the settings in src/config. Run: ${COMMAND}`)
      process.exitCode = 1
    }
  }
}

function textOf(file: URL): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
