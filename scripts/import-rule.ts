import { fileURLToPath } from 'node:url'
import { type Import, readImports } from './import-graph.ts'

interface Layer {
  /** Layers of which anything may be imported; the own one always may. */
  readonly uses: readonly string[]
  /** Layers of which types may be imported. */
  readonly types?: readonly string[]
  readonly packages?: 'none'
}

// schemas ← core ← (crypto, khipu, redis, spool) ← (ledger, queue, delivery, http) ← (callbacks, operator, worker)
// ← app ← main. Rooms in one pair of parentheses may import each other, the last three never.
const inner = ['src/schemas', 'src/core']
const edges = [...inner, 'src/crypto', 'src/khipu', 'src/redis', 'src/spool']
const services = [...edges, 'src/ledger', 'src/queue', 'src/delivery', 'src/http']
const outer = [...services, 'src/callbacks', 'src/operator', 'src/worker']
const source = [...outer, 'src/config', 'src/app', 'src/commands', 'src/main']
const types = ['src/config']

const layers = new Map<string, Layer>([
  ['src/schemas', { uses: [] }],
  ['src/core', { uses: [], types: ['src/schemas'], packages: 'none' }],
  ['src/crypto', { uses: inner }],
  ['src/khipu', { uses: [...inner, 'src/crypto'], types }],
  ['src/redis', { uses: inner, types }],
  // Knows nothing of Redis: it is there for when that is away.
  ['src/spool', { uses: [...inner, 'src/crypto'] }],
  ['src/ledger', { uses: edges, types }],
  ['src/queue', { uses: [...edges, 'src/delivery'], types }],
  ['src/delivery', { uses: edges, types }],
  ['src/http', { uses: edges, types }],
  ['src/callbacks', { uses: services, types }],
  ['src/operator', { uses: services, types }],
  ['src/worker', { uses: services, types }],
  ['src/config', { uses: inner }],
  ['src/app', { uses: [...outer, 'src/config'] }],
  ['src/commands', { uses: [...outer, 'src/config', 'src/app'] }],
  ['src/main', { uses: [...outer, 'src/config', 'src/app'] }],
  ['schemas', { uses: [] }],
  // What others copy: it stands alone.
  ['docs', { uses: [] }],
  ['simulator', { uses: ['schemas'] }],
  ['bench', { uses: [...source, 'schemas', 'simulator'] }],
  // What is generated comes from the settings and from the routes.
  ['scripts', { uses: ['simulator', 'src/config', 'src/operator'] }],
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
