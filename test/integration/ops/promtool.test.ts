import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { stringify } from 'yaml'
import { findProgram } from '../../helpers/debian-program.ts'
import { queriesOf, readDashboard, RULES } from '../../helpers/ops-files.ts'
import { scrapeOfAll } from '../../helpers/scrape.ts'

// Prometheus's own tool reads the rules, their tests, the queries of the dashboard and a scrape.

const root = fileURLToPath(new URL('../../../', import.meta.url))
const found = await findProgram('promtool', '--version', 'prometheus')
const skip = 'hindrance' in found ? found.hindrance : false
const execute = promisify(execFile)

/** What promtool says, whether it is content or not. */
async function promtool(...args: string[]): Promise<{ readonly isGood: boolean; said: string }> {
  if ('hindrance' in found) throw new Error(found.hindrance)
  return execute(found.path, args, { cwd: root }).then(
    ({ stdout, stderr }) => ({ isGood: true, said: stdout + stderr }),
    (error: { stdout: string; stderr: string }) => ({
      isGood: false,
      said: error.stdout + error.stderr
    })
  )
}

t.test('promtool takes the rules, and the configuration of the profile', { skip }, async (t) => {
  for (const args of [
    ['check', 'rules', RULES],
    ['check', 'config', 'ops/prometheus.yml']
  ]) {
    const { isGood, said } = await promtool(...args)
    t.ok(isGood, said)
    t.match(said, /SUCCESS: 2\d rules found|SUCCESS: ops\/prometheus\.yml is valid/)
  }
})

t.test('the unit tests of the rules pass', { skip }, async (t) => {
  const { isGood, said } = await promtool('test', 'rules', 'ops/khipu-receiver.rules.test.yml')
  t.ok(isGood, said)
})

t.test('the unit tests of the rules fail where a rule is another one', { skip }, async (t) => {
  const folder = t.testdir()
  const rules = await readFile(join(root, RULES), 'utf8')
  await writeFile(join(folder, 'khipu-receiver.rules.yml'), rules.replace('> 60', '> 6000'))
  const tests = join(folder, 'rules.test.yml')
  await writeFile(tests, await readFile(join(root, 'ops/khipu-receiver.rules.test.yml')))
  const { isGood, said } = await promtool('test', 'rules', tests)
  t.notOk(isGood)
  t.match(said, /KhipuOverdue/)
})

t.test('every query of the dashboard is one', { skip }, async (t) => {
  const queries = queriesOf(readDashboard())
  t.ok(queries.length > 30)
  const rules = queries.map((expr, index) => ({ record: `query_${index}`, expr }))
  const file = join(t.testdir(), 'queries.yml')
  await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules }] }))
  const { isGood, said } = await promtool('check', 'rules', file)
  t.ok(isGood, said)
})

t.test('a scrape is in the format of Prometheus', { skip }, async (t) => {
  if ('hindrance' in found) return
  const checking = execute(found.path, ['check', 'metrics'], { cwd: root })
  checking.child.stdin?.end(await scrapeOfAll())
  // It also warns of names that it would have chosen otherwise. These are names of today.
  const said = await checking.then(
    ({ stderr }) => stderr,
    (error: { code: number; stderr: string }) => {
      t.equal(error.code, 3, error.stderr)
      return error.stderr
    }
  )
  const lines = said.split('\n').filter((line) => line.startsWith('khipu_'))
  t.same(lines, [])
})
