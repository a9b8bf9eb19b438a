import { fileURLToPath } from 'node:url'
import { type Import, readImports } from './import-graph.ts'

interface Layer {
  /** Layers of which anything may be imported; the own one always may. */
  readonly uses: readonly string[]
  /** Layers of which types may be imported. */
  readonly types?: readonly string[]
  readonly packages?: 'none'
}

// schemas ← core ← (khipu, ledger, queue, spool) ← (server, worker) ← main
const edges = ['src/schemas', 'src/core', 'src/khipu', 'src/ledger', 'src/queue', 'src/spool']
const source = [...edges, 'src/server', 'src/worker', 'src/config', 'src/main']

const layers = new Map<string, Layer>([
  ['src/schemas', { uses: [] }],
  ['src/core', { uses: [], types: ['src/schemas'], packages: 'none' }],
  ['src/khipu', { uses: ['src/schemas', 'src/core'], types: ['src/config'] }],
  ['src/ledger', { uses: ['src/schemas', 'src/core'], types: ['src/config'] }],
  ['src/queue', { uses: ['src/schemas', 'src/core'], types: ['src/config'] }],
  // Knows nothing of Redis: it is there for when that is away.
  ['src/spool', { uses: ['src/schemas', 'src/core'] }],
  ['src/server', { uses: edges, types: ['src/config'] }],
  ['src/worker', { uses: edges, types: ['src/config'] }],
  ['src/config', { uses: ['src/schemas', 'src/core'] }],
  ['src/main', { uses: source }],
  ['src/reseal', { uses: ['src/config', 'src/khipu', 'src/main'] }],
  ['src/result-keys', { uses: ['src/config', 'src/ledger'] }],
  ['schemas', { uses: [] }],
  // What others copy: it stands alone.
  ['docs', { uses: [] }],
  ['simulator', { uses: ['schemas'] }],
  ['bench', { uses: [...source, 'schemas', 'simulator'] }],
  ['scripts', { uses: ['simulator'] }],
  ['test', { uses: [...source, 'schemas', 'simulator', 'scripts', 'bench', 'docs'] }]
])

/** Every breach of the import rule in the project at `root`, one line each. */
export function importFaults(root: string): string[] {
  const imports = readImports(root, [
    'src',
    'schemas',
    'docs',
    'simulator',
    'scripts',
    'bench',
    'test'
  ])
  return [...new Set(imports.flatMap(faultsOf)), ...circles(imports)]
}

function faultsOf({ from, to, isPackage, isType }: Import): string[] {
  const name = layerOf(from)
  const layer = layers.get(name)
  if (!layer) return [`${from} belongs to no layer`]
  if (to === null) return name.startsWith('src/') ? [`${from} imports a computed name`] : []
  if (isPackage) return layer.packages === 'none' ? [`${from} imports the package ${to}`] : []

  const other = layerOf(to)
  if (other === name || layer.uses.includes(other)) return []
  if (!layer.types?.includes(other)) return [`${from} imports ${to}`]
  return isType ? [] : [`${from} imports more than types from ${to}`]
}

function layerOf(path: string): string {
  const [top = '', next = ''] = path.split('/')
  return top === 'src' ? `src/${next.replace(/\.ts$/, '')}` : top
}

/** Circles count through types too: they tie the files together for a reader just as well. */
function circles(imports: readonly Import[]): string[] {
  const graph = Map.groupBy(imports, ({ from }) => from)
  const done = new Set<string>()
  const found: string[] = []

  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start >= 0) found.push(`circle: ${[...path.slice(start), file].join(' → ')}`)
    if (start >= 0 || done.has(file)) return
    for (const { to } of graph.get(file) ?? []) if (to !== null) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return [...new Set(found)]
}

if (import.meta.main) {
  const faults = importFaults(fileURLToPath(new URL('..', import.meta.url)))
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exitCode = 1
}
