import { join } from 'node:path'
import t from 'tap'
import { runTestFiles } from '../../scripts/run-test-file.ts'
import { describeFile, describeOutcomes } from '../../scripts/test-report.ts'

// The run of the tests is honest: nothing that did not pass counts as passed.

const TAP = "import t from 'tap'\n"
const NEVER = 'await new Promise((resolve) => setTimeout(resolve, 60_000))\n'
const folder = t.testdir({
  'passes.ts': `${TAP}t.test('all', async (t) => { t.equal(1, 1); t.test('b', async (t) => t.pass()) })`,
  'fails.ts': `${TAP}t.test('outer', async (t) => { t.pass(); t.equal(1, 2, 'one is two') })`,
  'skips.ts': `${TAP}t.test('nginx', { skip: 'no nginx' }, async () => {})
    t.test('later', { todo: true }, async () => {})
    t.test('silent', { skip: true }, async () => {})`,
  'asserts-nothing.ts': TAP,
  'throws.ts': `${TAP}t.pass(); console.log('printed before'); throw new Error('broken')`,
  'exits.ts': `${TAP}t.pass(); process.on('exit', () => { process.exitCode = 7 })`,
  'dies.ts': `${TAP}t.test('half', async (t) => { t.pass(); process.kill(process.pid, 'SIGKILL'); ${NEVER} })`,
  'hangs.ts': `${TAP}process.on('SIGTERM', () => {}); t.pass(); ${NEVER}`,
  'leaves-a-child.ts': `import { spawn } from 'node:child_process'\n${TAP}t.pass(); process.on('SIGTERM', () => {})
    console.log(spawn('sleep', ['60'], { stdio: 'inherit' }).pid); ${NEVER}`,
  'asks-for-time.ts': `${TAP}t.comment('timeout=60000'); t.pass()
    await new Promise((resolve) => setTimeout(resolve, 3_000))`,
  'tidies-up.ts': `${TAP}t.teardown(() => console.log('tidied up')); t.pass()`,
  'ends.ts': `${TAP}t.test('half', async (t) => { t.pass(); process.exit(3) })`,
  'not-code.ts': `this is no TypeScript`
})

const runAll = (names: readonly string[], timeoutMs: number, signal: AbortSignal) =>
  runTestFiles(
    names.map((name) => `${name}.ts`),
    { cwd: folder, env: process.env, timeoutMs, signal }
  )
const run = async (name: string, timeoutMs = 60_000, signal = new AbortController().signal) => {
  const [result = null] = await runAll([name], timeoutMs, signal)
  if (result === null) throw new Error('no result')
  return result
}
const namesOf = (all: readonly { name: string }[]) => all.map(({ name }) => name)

t.test('asserts are counted, of subtests too', async (t) => {
  const result = await run('passes')
  t.match(result, { file: 'passes.ts', passed: 2, failed: [], skipped: [] })
  t.match(describeFile(result), /^ok {4}passes\.ts {2}\(2 asserts, \d+ ms\)\n$/)
})

t.test('a failure names its test, and tells what differs', async (t) => {
  const result = await run('fails')
  t.equal(result.passed, 1)
  t.same(namesOf(result.failed), ['outer > one is two'])
  t.match(describeFile(result), /^FAIL {2}fails\.ts[\s\S]*outer > one is two[\s\S]*-2\s+\+1/)
  t.same(describeOutcomes('unit', [result]), ['FAIL  unit  fails.ts > outer > one is two'])
})

t.test('what is skipped or to do is named with its reason', async (t) => {
  const result = await run('skips')
  t.match(result, { passed: 0, failed: [] })
  t.same(describeOutcomes('chaos', [result]), [
    'skip  chaos  skips.ts > nginx: no nginx',
    'skip  chaos  skips.ts > later: not done yet',
    'skip  chaos  skips.ts > silent: no reason given'
  ])
})

t.test(
  'a file fails that asserts nothing, throws, exits with a code, dies or is no code',
  async (t) => {
    t.same(namesOf((await run('asserts-nothing')).failed), ['it asserts nothing'])
    const thrown = await run('throws')
    t.equal(thrown.failed.length, 1)
    t.match(describeFile(thrown), /broken[\s\S]*printed before/)
    t.same(namesOf((await run('exits')).failed), ['ended with 7'])
    t.ok((await run('dies')).failed.length > 0)
    const broken = await run('not-code')
    t.same(namesOf(broken.failed), ['ended with 1'])
    t.match(broken.printed, 'SyntaxError')
  }
)

t.test(
  'a file that takes too long is killed, and one is ended when the run is stopped',
  async (t) => {
    t.match(namesOf((await run('hangs', 1_000)).failed), ['took more than 1 s'])
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 500)
    t.match(namesOf((await run('hangs', 60_000, stop.signal)).failed), ['stopped'])
    t.match(await run('passes', 60_000, stop.signal), { passed: 0, failed: [{ name: 'stopped' }] })
  }
)

t.test('a file is not waited for whose child holds its output open', async (t) => {
  const { failed, printed } = await run('leaves-a-child', 5_000)
  t.match(namesOf(failed), ['took more than 5 s'])
  const pid = Number(printed)
  t.ok(pid > 0, `it has printed ${printed}`)
  if (pid > 0) t.ok(process.kill(pid, 'SIGKILL'), 'its child is still there')
})

t.test('files that share a process are told apart', async (t) => {
  const reported: string[] = []
  const results = await runTestFiles(
    [
      'passes.ts',
      'asserts-nothing.ts',
      'throws.ts',
      'tidies-up.ts',
      'passes.ts',
      'ends.ts',
      'skips.ts'
    ],
    { cwd: folder, env: process.env, timeoutMs: 60_000, signal: new AbortController().signal },
    (result) => reported.push(result.file)
  )
  t.same(
    results.map(({ file, passed, failed }) => [file, passed, namesOf(failed)]),
    [
      ['passes.ts', 2, []],
      ['asserts-nothing.ts', 0, ['it asserts nothing']],
      ['throws.ts', 1, ["throws.ts can't be loaded, or can't tidy up"]],
      ['tidies-up.ts', 1, []],
      ['passes.ts', 0, ['it asserts nothing']],
      ['ends.ts', 1, ['half > test unfinished']],
      ['skips.ts', 0, ['not run']]
    ]
  )
  t.same(
    reported,
    results.map(({ file }) => file)
  )
  t.match(results[3]?.printed, 'tidied up')
})

t.test('a file may ask for more time', async (t) => {
  t.match(await run('asks-for-time', 2_000), { passed: 1, failed: [] })
})

t.test('a file that is not there has failed', async (t) => {
  t.not((await run(join('no', 'such'))).failed.length, 0)
})
