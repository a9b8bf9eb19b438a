import { spawn } from 'node:child_process'
import { existsSync, globSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '../simulator/private-redis.ts'
import { coverageFaults, type Floor } from './coverage.ts'
import { Reporter } from './reporter.ts'

// What a run of all tests must cover, in percent. A file counts in the first row that it matches.
const floors: readonly Floor[] = [
  { files: 'src/core/', statements: 100, branches: 100, functions: 100, lines: 100 },
  { files: 'src/', lines: 80 }
]

// tap's arguments, such as a file or a folder. A run with any of them is not asked for coverage.
const root = fileURLToPath(new URL('..', import.meta.url))
const chosen = process.argv.slice(2).flatMap(testFiles)
const reporter = new Reporter(process.stdout)
const faults: string[] = []
let running: ReturnType<typeof spawn> | undefined

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    faults.push(`stopped by ${signal}`)
    running?.kill(signal)
  })
}

try {
  await preparePlugins()
  await runTests()
  if (chosen.length === 0) {
    faults.push(...coverageFaults(root, floors, (line) => console.log(line)))
  }
} catch (error) {
  faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
}

const failed = reporter.failed + faults.length
for (const fault of faults) console.log(`FAIL  ${fault}`)
console.log(`\n${reporter.passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

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

/** tap takes files; a folder stands for all tests in it. */
function testFiles(argument: string): string[] {
  if (!existsSync(argument) || !statSync(argument).isDirectory()) return [argument]
  return globSync(`${argument}/**/*.test.ts`)
}

async function runTests(): Promise<void> {
  const redis = await startRedis({ log: (line) => console.log(line) })
  try {
    const coverage = chosen.length > 0 ? '--disable-coverage' : '--coverage-report=json-summary'
    const args = ['run', '--reporter=tap', coverage, ...chosen]
    const code = await tap(args, { REDIS_URL: redis.url }, reporter)
    if (code !== 0 && reporter.failed === 0) faults.push(`tap ended with ${code}`)
  } finally {
    await redis.stop()
  }
}

function tap(
  args: readonly string[],
  env: Record<string, string>,
  output?: Reporter
): Promise<number | string | null> {
  const child = spawn(process.execPath, [`${root}/node_modules/.bin/tap`, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', output ? 'pipe' : 'inherit', 'inherit']
  })
  running = child
  if (output) child.stdout?.pipe(output.input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
}
