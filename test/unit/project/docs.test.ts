import { existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { faults } from '../../chaos/faults/faults.ts'
import { codeIn, DOCUMENTS, readProject, tableAfter } from '../../helpers/documents.ts'

// What the documents say is true: every file, link, command and dependency that they name exists.

const exists = (path: string) => existsSync(new URL(`../../../${path}`, import.meta.url))
const manifest = JSON.parse(readProject('package.json')) as {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

void t.test('every file that a document names exists', async (t) => {
  const named = DOCUMENTS.flatMap((document) =>
    [
      ...readProject(document).matchAll(
        /`((?:src|test|scripts|schemas|simulator|bench|docs|deploy|ops|\.github)\/[\w./-]*|[\w-]+\.(?:md|json|yml)|\.env\.example)`/g
      )
    ].map(([, path = '']) => ({ document, path }))
  )
  t.ok(named.length > 100)
  for (const { document, path } of named) t.ok(exists(path), `${document}: ${path}`)
})

void t.test('every document that the code or a configuration file names exists', async (t) => {
  const patterns = [
    '{src,scripts,simulator,bench}/**/*.ts',
    'schemas/*.json',
    'deploy/*',
    'ops/*.yml',
    '*.yml',
    '.github/**/*.yml'
  ]
  const files = globSync(patterns, { cwd: new URL('../../../', import.meta.url) })
  const named = files.flatMap((file) =>
    [...readProject(file).matchAll(/\b(docs\/[\w/-]+\.(?:md|js)|[A-Z]+\.md)\b/g)].map(
      ([, path = '']) => ({ file, path })
    )
  )
  t.ok(named.length > 5)
  for (const { file, path } of named) t.ok(exists(path), `${file}: ${path}`)
})

void t.test('every npm script that a document names exists', async (t) => {
  const named = DOCUMENTS.flatMap((document) =>
    [...readProject(document).matchAll(/npm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g)].map(
      ([, script, short]) => ({ document, script: script ?? short ?? '' })
    )
  )
  t.ok(named.length > 30)
  for (const { document, script } of named) {
    t.ok(manifest.scripts[script], `${document}: npm run ${script}`)
  }
})

void t.test('every link of a document leads to a file, and to a heading in it', async (t) => {
  const links = DOCUMENTS.flatMap(linksOf)
  t.ok(links.length > 100)
  for (const { document, path, anchor } of links) {
    t.ok(exists(path), `${document}: ${path}`)
    if (anchor !== undefined) {
      t.ok(anchorsOf(path).has(anchor), `${document}: ${path}#${anchor}`)
    }
  }
})

void t.test('every document can be reached from the README', async (t) => {
  const reached = new Set(['README.md'])
  for (const document of reached) {
    for (const { path } of document.endsWith('.md') ? linksOf(document) : []) reached.add(path)
  }
  t.ok(reached.size > 20)
  t.same(
    DOCUMENTS.filter((document) => !reached.has(document)),
    []
  )
})

for (const [document, most] of [
  ['README.md', 150],
  ['ARCHITECTURE.md', 120]
] as const) {
  void t.test(`${document} has at most ${most} lines`, async (t) => {
    t.ok(readProject(document).trimEnd().split('\n').length <= most)
  })
}

void t.test('every script of package.json runs a file that exists', async (t) => {
  const files = Object.entries(manifest.scripts).flatMap(([name, command]) =>
    [...command.matchAll(/node ((?!dist)[\w./-]+\.ts)/g)].map(([, file = '']) => ({ name, file }))
  )
  t.ok(files.length > 10)
  for (const { name, file } of files) t.ok(exists(file), `${name}: ${file}`)
})

void t.test('the figures are those of the faults that there are', async (t) => {
  t.same(
    tableAfter('docs/reliability.md', 'figures').map(([name]) => name),
    faults.map(({ name }) => name)
  )
})

void t.test('every dependency has its reason in CONTRIBUTING.md, and no other has', async (t) => {
  const reasons = readProject('CONTRIBUTING.md').split('## Why each dependency')[1] ?? ''
  const rows = reasons.split('\n').filter((line) => line.startsWith('| `'))
  const explained = rows.flatMap((row) => codeIn(row.split('|')[1] ?? ''))
  const installed = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.devDependencies)
  ]
  t.same(explained.toSorted(), installed.toSorted())
})

interface Link {
  readonly document: string
  /** Relative to the root of the project. */
  readonly path: string
  readonly anchor: string | undefined
}

/** The links of a document within the project; those in a block of code are none. */
function linksOf(document: string): Link[] {
  const text = withoutCode(readProject(document))
  return [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, path = '', anchor]) => ({
      document,
      path: path === '' ? document : join(dirname(document), path),
      anchor
    })
  )
}

/** The anchors that GitHub gives the headings of a document. */
function anchorsOf(document: string): ReadonlySet<string> {
  const headings = [...withoutCode(readProject(document)).matchAll(/^#+ (.+)$/gm)]
  return new Set(
    headings.map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-')
    )
  )
}

function withoutCode(text: string): string {
  return text.replaceAll(/^ *```.*?^ *```$/gms, '')
}
