import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { SETTINGS } from '../../../src/config/settings.ts'
import { faults } from '../../chaos/faults/faults.ts'

// What the documents say is true: every file, command, setting and dependency that they name exists.

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')
const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'docs/callback-bodies.md',
  'docs/deploying.md',
  'docs/reliability.md',
  'docs/sealed-results.md',
  'docs/what-is-enforced.md'
]
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

void t.test('every file that a document names exists', async (t) => {
  for (const document of DOCUMENTS) {
    const named = read(document).matchAll(
      /`((?:src|test|schemas|simulator|bench|docs|deploy|\.github)\/[\w./-]*|[\w-]+\.(?:md|json|yml))`/g
    )
    for (const [, path = ''] of named) {
      t.ok(existsSync(new URL(`../../../${path}`, import.meta.url)), `${document}: ${path}`)
    }
  }
})

void t.test('every npm script that a document names exists', async (t) => {
  for (const document of DOCUMENTS) {
    const named = read(document).matchAll(/npm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g)
    for (const [, script, short] of named) {
      t.ok(manifest.scripts[script ?? short ?? ''], `${document}: npm run ${script ?? short}`)
    }
  }
})

void t.test('every script of package.json runs a file that exists', async (t) => {
  for (const [name, command] of Object.entries(manifest.scripts)) {
    for (const [, file = ''] of command.matchAll(/node ((?!dist)[\w./-]+\.ts)/g)) {
      t.ok(existsSync(new URL(`../../../${file}`, import.meta.url)), `${name}: ${file}`)
    }
  }
})

void t.test("the README's settings are those of the service", async (t) => {
  const [, after = ''] = read('README.md').split('<!-- settings -->')
  const [table = ''] = after.trim().split('\n\n')
  const required: readonly string[] = SETTINGS.required
  const rows = Object.entries(SETTINGS.properties).map(([name, setting]) => {
    const given = 'default' in setting ? `\`${setting.default}\`` : ''
    const value = required.includes(name) ? 'required' : given
    return `| \`${name}\` | ${value} | ${setting.description} |`
  })
  const squeezed = table.replaceAll(/ +/g, ' ').split('\n').slice(2)
  t.same(
    squeezed,
    rows.map((row) => row.replaceAll(/ +/g, ' '))
  )
})

void t.test('the figures are those of the faults that there are', async (t) => {
  const [, after = ''] = read('docs/reliability.md').split('<!-- figures -->')
  const rows = after.trim().split('\n\n')[0]?.split('\n').slice(2) ?? []
  const named = rows.map((row) => row.split('|')[1]?.trim())
  t.same(
    named,
    faults.map(({ name }) => name)
  )
})

void t.test('every dependency has its reason in CONTRIBUTING.md, and no other has', async (t) => {
  const reasons = read('CONTRIBUTING.md').split('## Why each dependency')[1] ?? ''
  const rows = reasons.split('\n').filter((line) => line.startsWith('| `'))
  const explained = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
  )
  const installed = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.devDependencies)
  ]
  t.same(explained.toSorted(), installed.toSorted())
})
