import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '../simulator/private-redis.ts'
import { coverageFaults, type Floor } from './coverage.ts'
import { Reporter } from './test-reporter.ts'
import { type Chosen, chooseTests, type Tier, USUAL } from './test-tiers.ts'

const USAGE = `npm test [-- tiers, files or folders]

  Without any: the tiers ${USUAL.join(', ')}. The last line is "N passed, N failed".

  --watch     again after each change
  --slowest   the ten files that took longest
  --coverage  what of src the tests of unit and integration reach, and whether that is enough
  --help      this
`
const OPTIONS: ReadonlySet<string> = new Set(['--slowest', '--coverage'])

// What must be covered, in percent.
const CORE: Floor = {
  files: 'src/core/',
  statements: 100,
  branches: 100,
  functions: 100,
  lines: 100
}
const REST: Floor = { files: 'src/', lines: 80 }

const root = fileURLToPath(new URL('..', import.meta.url))
/** What V8 has compiled once is not compiled again for each file. It would make coverage inexact. */
const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile') }
const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const faults: string[] = []
const reporters = new Map<string, Reporter>()
let running: ReturnType<typeof spawn> | undefined

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    faults.push(`stopped by ${signal}`)
    running?.kill(signal)
  })
}

if (options.includes('--watch')) await watch()
else if (options.includes('--help')) console.log(USAGE)
else if (options.every((option) => OPTIONS.has(option))) await runAll()
else {
  // Tests that were not run must not look as if they had passed.
  console.error(USAGE)
  process.exitCode = 2
}

async function runAll(): Promise<void> {
  try {
    await preparePlugins()
    const chosen = chooseTests(root, named)
    for (const one of chosen) if (!isStopped()) await runTier(one)
  } catch (error) {
    faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  summarize()
}

function isStopped(): boolean {
  return faults.some((fault) => fault.startsWith('stopped'))
}

async function runTier({ tier, files }: Chosen): Promise<void> {
  const startedAt = performance.now()
  const reporter = new Reporter(process.stdout)
  reporters.set(tier.name, reporter)
  const isCovered = tier.isCovered && options.includes('--coverage')
  const redis = tier.needsRedis ? await startRedis({ log: (line) => console.log(line) }) : null
  try {
    const coverage = isCovered ? '--coverage-report=json-summary' : '--disable-coverage'
    const args = ['run', '--reporter=tap', `--jobs=${tier.jobs}`, coverage, ...files]
    const env = redis === null ? {} : { REDIS_URL: redis.url }
    const code = await tap(args, isCovered ? env : { ...env, ...COMPILE_CACHE }, reporter)
    if (code !== 0 && reporter.failed === 0) faults.push(`${tier.name}: tap ended with ${code}`)
  } finally {
    await redis?.stop()
  }
  if (isCovered) checkCoverage(tier)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`\n${tier.name}: ${files.length} files, ${seconds} s\n`)
}

/** The core is reached by its unit tests alone, and most of the rest by those with a Redis. */
function checkCoverage({ name }: Tier): void {
  const floor = name === 'unit' ? CORE : REST
  faults.push(...coverageFaults(root, [floor], (line) => console.log(line)))
}

function summarize(): void {
  const all = [...reporters]
  const sum = (count: (reporter: Reporter) => number) =>
    all.reduce((total, [, reporter]) => total + count(reporter), 0)
  if (options.includes('--slowest')) showSlowest()
  for (const [tier, { skipped }] of all)
    for (const one of skipped) console.log(`skip  ${tier}  ${one}`)
  for (const [tier, { failures }] of all)
    for (const one of failures) console.log(`FAIL  ${tier}  ${one}`)
  for (const fault of faults) console.log(`FAIL  ${fault}`)
  const failed = sum((reporter) => reporter.failed) + faults.length
  const skipped = sum((reporter) => reporter.skipped.length)
  const rest = skipped > 0 ? `, ${skipped} skipped` : ''
  console.log(`\n${sum((reporter) => reporter.passed)} passed, ${failed} failed${rest}`)
  process.exitCode = failed > 0 ? 1 : 0
}

function showSlowest(): void {
  const times = [...reporters.values()].flatMap((reporter) => reporter.times)
  const slowest = times.toSorted((one, other) => other.ms - one.ms).slice(0, 10)
  for (const { file, ms } of slowest)
    console.log(`${(ms / 1000).toFixed(1).padStart(6)} s  ${file}`)
}

/** tap comes built with a TypeScript plugin that needs TypeScript's old API; Node strips the types instead. */
async function preparePlugins(): Promise<void> {
  const built = createRequire(import.meta.url).resolve('@tapjs/test/built')
  const hasOldPlugin = readFileSync(built, 'utf8').includes('@tapjs/typescript')
  const found = join(dirname(built), '../../node_modules')
  if (!hasOldPlugin && isSame(found, join(root, '.tap/plugins/node_modules'))) return
  const code = await tap(['build'], {})
  if (code !== 0) throw new Error(`tap build ended with ${code}`)
}

function isSame(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b)
}

function tap(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  output?: Reporter
): Promise<number | string | null> {
  const child = spawn(process.execPath, [`${root}/node_modules/.bin/tap`, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', output ? 'pipe' : 'inherit', 'inherit']
  })
  running = child
  if (output) child.stdout?.pipe(output.input)
  return ended(child)
}

/** The same again, and again after each change of what is tested. */
async function watch(): Promise<void> {
  const paths = ['src', 'test', 'schemas', 'simulator'].map(
    (path) => `--watch-path=${join(root, path)}`
  )
  const again = process.argv.slice(2).filter((argument) => argument !== '--watch')
  const file = fileURLToPath(import.meta.url)
  running = spawn(process.execPath, [...paths, file, ...again], { cwd: root, stdio: 'inherit' })
  await ended(running)
}

function ended(child: ReturnType<typeof spawn>): Promise<number | string | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
}
