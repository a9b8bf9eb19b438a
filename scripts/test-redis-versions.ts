import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Provided, provide, type Version, VERSIONS } from './redis-versions.ts'

// `npm run test:redis`: the tests of the ledger, the queues and the journeys on each version of Redis and Valkey, or
// those that are named. `--short` takes the newest ones and the tests that tell most; with `--all` a version that can't
// be had is a failure.

const root = fileURLToPath(new URL('..', import.meta.url))

/** Those that say nothing of Redis, or take long; they are run once, by `npm test`. */
const SET_UP = ['demo', 'simulator', 'supply-chain']

const SHORT = [
  'test/integration/redis/capacity.test.ts',
  'test/integration/ledger/ledger.test.ts',
  'test/integration/delivery/bullmq-sink.test.ts',
  'test/integration/redis/client-info.test.ts',
  'test/integration/redis/required-database.test.ts',
  'test/e2e/redis-user.test.ts'
]

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const isShort = process.argv.includes('--short')
const files = named.length > 0 ? named : isShort ? SHORT : testFiles()
const versions = VERSIONS.filter(({ what }) => !isShort || what.includes('newest'))

const lines: string[] = []
for (const version of versions) {
  const provided = await provide(version).catch((error: unknown) => String(error).split('\n')[0])
  lines.push(
    typeof provided === 'object' ? await test(version, provided) : skipped(version, provided)
  )
}
console.log(`\n${lines.join('\n')}`)

function testFiles(): string[] {
  const all = globSync('test/{integration/{delivery,ledger,queue,redis},e2e}/*.test.ts', {
    cwd: root
  })
  return all.filter((file) => !SET_UP.includes(basename(file, '.test.ts'))).toSorted()
}

async function test({ what }: Version, { folder, version }: Provided): Promise<string> {
  console.log(`\n${what}: ${version}`)
  const env = { ...process.env, REDIS_URL: '', PATH: `${folder}:${process.env['PATH']}` }
  const child = spawn(process.execPath, ['scripts/test.ts', ...files], {
    cwd: root,
    env,
    stdio: 'inherit'
  })
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0) process.exitCode = 1
  return `${code === 0 ? 'ok   ' : 'FAIL '} ${what}: ${version}`
}

function skipped({ what }: Version, why: string | undefined): string {
  if (process.argv.includes('--all')) process.exitCode = 1
  return `skip  ${what}: it can't be had: ${why ?? ''}`
}
