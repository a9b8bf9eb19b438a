import { accessSync, constants, existsSync, globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  type Job,
  readYaml,
  type Step,
  type Workflow,
  workflowFaults
} from '../../helpers/workflows.ts'

// GitHub alone can run the workflows; what can be known of them without it is held here.

const at = (path: string) => new URL(`../../../${path}`, import.meta.url)
const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
  engines: { node: string }
  scripts: Record<string, string>
  devDependencies: Record<string, string>
  overrides: Record<string, string>
}
const files = globSync('.github/workflows/*', { cwd: fileURLToPath(at('.')) })
const workflows = new Map(files.map((file) => [basename(file), readYaml(at(file)) as Workflow]))
const [checks, release] = [jobsOf('checks.yml'), jobsOf('release.yml')]

t.test('there are these workflows, and each keeps to the rules', async (t) => {
  t.same([...workflows.keys()].toSorted(), ['checks.yml', 'release.yml'])
  for (const [name, workflow] of workflows) t.same(workflowFaults(workflow), [], name)
})

t.test('a workflow that breaks a rule is found out', async (t) => {
  const steps = [{ run: 'true' }]
  const good = {
    permissions: { contents: 'read' },
    concurrency: { group: 'x' },
    jobs: { a: { 'timeout-minutes': 5, steps } }
  }
  const step = (...more: Step[]) => ({ ...good, jobs: { a: { ...good.jobs.a, steps: more } } })
  const commit = 'a'.repeat(40)
  const rows: [workflow: Workflow, faults: string[]][] = [
    [good, []],
    [{ ...good, permissions: 'write-all' }, ['may more than read']],
    [{ ...good, permissions: { contents: 'write' } }, ['may more than read']],
    [{ ...good, on: { pull_request_target: null } }, ['runs on pull_request_target']],
    [{ ...good, jobs: { a: { steps } } }, ['a: has no time limit']],
    [{ ...good, jobs: { a: { uses: 'a/b/c.yml@v1' } } }, ['a: uses a/b/c.yml@v1']],
    [step({ uses: `a/b@${commit}` }), []],
    [step({ uses: 'a/b@v1' }), ['a: a/b@v1 is not pinned by a commit']],
    [step({ uses: 'a/b@main' }), ['a: a/b@main is not pinned by a commit']],
    [step({ uses: 'docker://a:1' }), ['a: docker://a:1 is not pinned by a commit']],
    [step({ run: 'echo ${{ github.event.head }}' }), ['a: an expression stands in a script']],
    [step({ uses: `a/b@${commit}`, with: { key: '${{ secrets.KEY }}' } }), ['a: a secret is used']],
    [
      step({ uses: `actions/checkout@${commit}` }),
      ['a: actions/checkout without persist-credentials: false']
    ]
  ]
  for (const [workflow, faults] of rows) {
    t.same(workflowFaults(workflow), faults, JSON.stringify(workflow))
  }
})

t.test('a commit of an action has its version beside it, the same one everywhere', async (t) => {
  const versions = new Map<string, string>()
  for (const file of files) {
    for (const line of readFileSync(at(file), 'utf8').split('\n')) {
      const [, action = ''] = /uses: ([^.\s]\S*)/.exec(line) ?? []
      if (action === '') continue
      const [, version = ''] = / # (v\d+\.\d+\.\d+)$/.exec(line) ?? []
      t.not(version, '', `${action} has a version`)
      t.equal(versions.get(action) ?? version, version, action)
      versions.set(action, version)
    }
  }
  t.equal(new Set([...versions.keys()].map((one) => one.split('@')[0])).size, versions.size)
})

t.test('every command of ours that a workflow runs exists', async (t) => {
  const scripts = [...checks, ...release].flatMap(([, job]) => (job.steps ?? []).map(scriptOf))
  const lines = scripts.join('\n')
  const named = [...lines.matchAll(/npm (?:run ([\w:-]+)|(test)\b)/g)]
  t.ok(named.length >= 4)
  for (const [, script, short] of named)
    t.ok(manifest.scripts[script ?? short ?? ''], script ?? short ?? '')
  for (const [path] of lines.matchAll(/\btest\/[\w./-]+\.ts\b/g)) t.ok(existsSync(at(path)), path)
  t.match(lines, /^\.ci\/run$/m)
  t.doesNotThrow(() => accessSync(at('.ci/run'), constants.X_OK))
})

t.test('the tests run on the oldest Node that is allowed, and on all later lines', async (t) => {
  const [, oldest] = /^>=(\d+\.\d+)$/.exec(manifest.engines.node) ?? []
  const job = checks.find(([name]) => name === 'node')?.[1]
  t.same(job?.strategy?.matrix?.['node'], [`${oldest}.0`, '22', '24', '26'])
  const lines = (job?.steps ?? []).map(scriptOf)
  // The one of node_modules would be Node 24 whatever the matrix says.
  t.ok(lines.indexOf('npm ci --ignore-scripts') < lines.indexOf('npm test'))
  t.notOk(lines.includes('npm ci'))
})

t.test('nothing is released but what has passed the checks', async (t) => {
  t.ok('workflow_call' in (workflows.get('checks.yml')?.on ?? {}))
  const needs = new Map(release.map(([name, job]) => [name, [job.needs ?? []].flat()]))
  t.same(Object.fromEntries(needs), {
    tag: [],
    checks: ['tag'],
    image: ['tag', 'checks'],
    publish: ['tag', 'image']
  })
})

t.test('no job may more than it needs', async (t) => {
  const rights = [...checks, ...release].filter(([, { permissions }]) => permissions)
  t.same(Object.fromEntries(rights.map(([name, { permissions }]) => [name, permissions])), {
    checks: { contents: 'read' },
    image: { contents: 'read', packages: 'write', 'id-token': 'write', attestations: 'write' },
    publish: { contents: 'write' }
  })
})

t.test('Dependabot looks at all that is pinned, but for what is raised by hand', async (t) => {
  const { updates } = readYaml(at('.github/dependabot.yml')) as {
    updates: { 'package-ecosystem': string; ignore?: Record<string, unknown>[] }[]
  }
  t.same(
    updates.map((one) => one['package-ecosystem']),
    ['npm', 'github-actions', 'docker', 'docker-compose']
  )
  const pinned = Object.entries({ ...manifest.devDependencies, ...manifest.overrides })
    .filter(([, version]) => /^\d/.test(version))
    .map(([name]) => name)
  const ignored = (updates[0]?.ignore ?? []).filter((one) => !('update-types' in one))
  t.same(new Set(ignored.map((one) => one['dependency-name'])), new Set(pinned))
})

function jobsOf(file: string): [name: string, job: Job][] {
  return Object.entries(workflows.get(file)?.jobs ?? {})
}

function scriptOf({ run = '' }: Step): string {
  return run
}
