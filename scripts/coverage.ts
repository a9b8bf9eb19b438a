import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { parseSync } from 'oxc-parser'

const measures = ['statements', 'branches', 'functions', 'lines'] as const
type Measure = (typeof measures)[number]

/** The least percentages wanted, over all files together whose path starts with `files`. */
export interface Floor extends Partial<Readonly<Record<Measure, number>>> {
  readonly files: string
}

type Counts = Readonly<Record<Measure, { readonly total: number; readonly covered: number }>>
type Coverage = ReadonlyMap<string, Counts>

/** Compares c8's json-summary with the floors: prints a line for each floor, returns what was missed. */
export function coverageFaults(
  root: string,
  floors: readonly Floor[],
  print: (line: string) => void
): string[] {
  const all = [...readCoverage(root)]
  return floors.flatMap((floor, row) => {
    const isElsewhere = (path: string): boolean =>
      floors.slice(0, row).some(({ files }) => path.startsWith(files))
    const mine = all.filter(([path]) => path.startsWith(floor.files) && !isElsewhere(path))
    print(`coverage  ${floor.files}  ${describe(mine.map(([, counts]) => counts))}`)
    return faultsOf(floor, new Map(mine), print)
  })
}

function faultsOf(floor: Floor, coverage: Coverage, print: (line: string) => void): string[] {
  const missed = measures.filter(
    (measure) => percent([...coverage.values()], measure) < (floor[measure] ?? 0)
  )
  for (const [path, counts] of missed.length > 0 ? coverage : []) {
    if (missed.some((measure) => percent([counts], measure) < (floor[measure] ?? 0))) {
      print(`          ${path}  ${describe([counts])}`)
    }
  }
  return missed.map((measure) => {
    const found = percent([...coverage.values()], measure)
    return `coverage floor of ${floor.files}: ${found} % of ${measure}, wanted ${floor[measure]} %`
  })
}

function describe(counts: readonly Counts[]): string {
  return measures.map((measure) => `${measure} ${percent(counts, measure)} %`).join(', ')
}

/** Rounded down, so that 100 means all. */
function percent(counts: readonly Counts[], measure: Measure): number {
  const total = counts.reduce((sum, count) => sum + count[measure].total, 0)
  const covered = counts.reduce((sum, count) => sum + count[measure].covered, 0)
  return total === 0 ? 100 : Math.floor((covered / total) * 1000) / 10
}

function readCoverage(root: string): Coverage {
  const report = readFileSync(join(root, 'coverage/coverage-summary.json'), 'utf8')
  const counted = JSON.parse(report) as Record<string, Counts>
  const paths = globSync('src/**/*.ts', { cwd: root }).sort()
  return new Map(
    paths.flatMap((path): [string, Counts][] => {
      const counts = counted[join(root, path)] ?? unseen(join(root, path))
      return counts ? [[path.split(sep).join('/'), counts]] : []
    })
  )
}

/** c8 knows nothing of a file that no test loads: all of it is uncovered, unless it holds only types. */
function unseen(file: string): Counts | null {
  const source = readFileSync(file, 'utf8')
  if (parseSync(file, source).program.body.every(isType)) return null
  const lines = { total: source.split('\n').length, covered: 0 }
  const one = { total: 1, covered: 0 }
  return { statements: lines, lines, branches: one, functions: one }
}

function isType(statement: { type: string; importKind?: unknown; exportKind?: unknown }): boolean {
  const { type, importKind, exportKind } = statement
  return type.startsWith('TS') || importKind === 'type' || exportKind === 'type'
}
