import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pLimit from 'p-limit'
import { startRedis } from '../simulator/private-redis.ts'
import { bundle } from './build.ts'
import { coverageFaults, type Floor } from './coverage.ts'
import { type FileResult, runTestFiles } from './run-test-file.ts'
import { describeFile, describeOutcomes, describeSlowest } from './test-report.ts'
import { openTestTimes } from './test-times.ts'
import { type Chosen, chooseTests, type Tier, USUAL } from './test-tiers.ts'

const USAGE = `npm test [-- tiers, files or folders]

  Without any: the tiers ${USUAL.join(', ')}. The last line is "N passed, N failed".

  --watch     again after each change
  --slowest   the ten files that took longest
  --long      of the tier chaos: every fault at full length; --long --help says more
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

/** Tells the tests to start what was built, instead of the sources. */
const BUILT = { BUILT: 'dist' }

const FILE_TIMEOUT_MS = 300_000

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, 'node_modules/.cache')
/** Where V8 writes what each process of a tier has run. */
const coverageFolder = join(root, 'coverage/v8')
const args = process.argv.slice(2)
const options = args.filter((argument) => argument.startsWith('--'))
const named = args.filter((argument) => !argument.startsWith('--'))
const isCovered = options.includes('--coverage')
const times = openTestTimes(root, join(cache, 'test-times.json'))
const stop = new AbortController()

if (options.includes('--long')) await runLongFaults()
else if (options.includes('--watch')) watch()
else if (options.includes('--help')) console.log(USAGE)
else if (options.every((option) => OPTIONS.has(option))) await runAll()
else {
  // Tests that were not run must not look as if they had passed.
  console.error(USAGE)
  process.exitCode = 2
}

async function runAll(): Promise<void> {
  const faults: string[] = []
  const results = new Map<string, readonly FileResult[]>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      faults.push(`stopped by ${signal}`)
      stop.abort()
    })
  }
  try {
    for (const { tier, files } of chooseTests(root, named)) {
      if (stop.signal.aborted) break
      results.set(tier.name, await runTier({ tier, files }))
      if (isCovered && tier.isCovered) faults.push(...checkCoverage(tier))
    }
  } catch (error) {
    faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  if (!stop.signal.aborted) times.save([...results.values()].flat())
  summarize(results, faults)
}

async function runTier({ tier, files }: Chosen): Promise<FileResult[]> {
  const startedAt = performance.now()
  const redis = tier.needsRedis ? await startRedis({ log: (line) => console.log(line) }) : null
  if (tier.needsBuild) await bundle(join(root, 'dist'))
  if (isCovered && tier.isCovered) rmSync(coverageFolder, { recursive: true, force: true })
  const env = {
    ...process.env,
    // tap says then which test was running.
    TAP_TIMEOUT: String(FILE_TIMEOUT_MS / 1000),
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
    ...(tier.needsBuild ? BUILT : {}),
    // What V8 has compiled once is not compiled again for each file. It would make coverage inexact.
    ...(isCovered && tier.isCovered
      ? { NODE_V8_COVERAGE: coverageFolder }
      : { NODE_COMPILE_CACHE: join(cache, 'compile') })
  }
  const options = { cwd: root, env, timeoutMs: FILE_TIMEOUT_MS + 10_000, signal: stop.signal }
  const batches = tier.isBatched
    ? times.deal(files, tier.jobs)
    : times.sort(files).map((file) => [file])
  const limit = pLimit(tier.jobs)
  try {
    const results = await limit.map(batches, (batch) =>
      runTestFiles(batch, options, (result) => process.stdout.write(describeFile(result)))
    )
    return results.flat()
  } finally {
    await redis?.stop()
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    console.log(`\n${tier.name}: ${files.length} files, ${seconds} s\n`)
  }
}

/** The core is reached by its unit tests alone, and most of the rest by those with a Redis. */
function checkCoverage({ name }: Tier): string[] {
  const report = [
    `--temp-directory=${coverageFolder}`,
    `--reports-dir=${join(root, 'coverage')}`,
    '--reporter=json-summary',
    '--include=src/**'
  ]
  const c8 = join(root, 'node_modules/.bin/c8')
  const { status } = spawnSync(process.execPath, [c8, 'report', ...report], {
    cwd: root,
    stdio: 'inherit'
  })
  if (status !== 0) return [`${name}: c8 ended with ${status}`]
  return coverageFaults(root, [name === 'unit' ? CORE : REST], (line) => console.log(line))
}

function summarize(
  tiers: ReadonlyMap<string, readonly FileResult[]>,
  faults: readonly string[]
): void {
  const all = [...tiers.values()].flat()
  if (options.includes('--slowest')) for (const line of describeSlowest(all)) console.log(line)
  for (const [tier, results] of tiers)
    for (const line of describeOutcomes(tier, results)) console.log(line)
  for (const fault of faults) console.log(`FAIL  ${fault}`)
  const passed = sum(all.map((result) => result.passed))
  const failed = sum(all.map((result) => result.failed.length)) + faults.length
  const skipped = sum(all.map((result) => result.skipped.length))
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exitCode = failed > 0 ? 1 : 0
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** The faults have options of their own. */
async function runLongFaults(): Promise<void> {
  await bundle(join(root, 'dist'))
  const rest = args.filter((argument) => argument !== '--long' && argument !== 'chaos')
  handOver(['test/chaos/faults/main.ts', ...rest], BUILT)
}

/** The same again, and again after each change of what is tested. */
function watch(): void {
  const paths = ['src', 'test', 'schemas', 'simulator'].map(
    (path) => `--watch-path=${join(root, path)}`
  )
  const rest = args.filter((argument) => argument !== '--watch')
  handOver([...paths, fileURLToPath(import.meta.url), ...rest])
}

/** Lets another process do it, with its exit code. */
function handOver(argv: readonly string[], more: NodeJS.ProcessEnv = {}): void {
  const env = { ...process.env, ...more }
  const child = spawn(process.execPath, argv, { cwd: root, env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.on('close', (code) => (process.exitCode = code ?? 1))
}
