import { globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// The sizes that keep the code easy to find one's way in.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const filesIn = (...patterns: string[]) => globSync(patterns, { cwd: root }).toSorted()
const linesOf = (path: string) => readFileSync(`${root}/${path}`, 'utf8').split('\n').length - 1
const sources = filesIn('src/**/*.ts', 'src/**/*.lua')

t.test('a folder of src has at most 20 files, a file at most 200 lines', async (t) => {
  t.ok(sources.length > 150)
  const perFolder = Map.groupBy(sources, dirname)
  t.same(
    [...perFolder].filter(([, files]) => files.length > 20).map(([folder]) => folder),
    []
  )
  const isGenerated = (path: string) => path === 'src/schemas/generated.ts'
  t.same(
    sources.filter((path) => !isGenerated(path) && linesOf(path) > 200),
    []
  )
})

t.test('no two files of src have the same name', async (t) => {
  const perName = Map.groupBy(
    sources.filter((path) => path.endsWith('.ts')),
    (path) => basename(path)
  )
  t.same(
    [...perName.values()].filter((paths) => paths.length > 1),
    []
  )
})

t.test('partitions are known in ten files of src at most', async (t) => {
  const knowing = sources.filter((path) =>
    /partition/i.test(readFileSync(`${root}/${path}`, 'utf8'))
  )
  t.ok(knowing.length > 1 && knowing.length <= 10, knowing.join(', '))
})

t.test('the demo has at most 600 lines', async (t) => {
  const demo = filesIn('simulator/demo.ts', 'simulator/demo/*.ts')
  t.ok(demo.length > 3)
  const lines = demo.map(linesOf).reduce((sum, one) => sum + one, 0)
  t.ok(lines <= 600, `${lines} lines`)
})
