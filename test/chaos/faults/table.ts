import Table from 'cli-table3'
import type { Fault, Figures } from './fault.ts'
import type { Outcome } from './run-fault.ts'

type Column = Exclude<keyof Figures, 'remark'>

const COLUMNS: readonly (readonly [Column, string])[] = [
  ['requests', 'requests'],
  ['acknowledged', 'callbacks acknowledged'],
  ['kills', 'kills'],
  ['results', 'results'],
  ['lost', 'lost'],
  ['doubled', 'doubled'],
  ['stuck', 'stuck'],
  ['extraSends', 'extra sends']
]
const HEAD = ['fault', ...COLUMNS.map(([, title]) => title), 'remark']

/** The figures of a whole run for a terminal, a row per fault. */
export function tableOf(faults: readonly Fault[], outcomes: readonly Outcome[]): string {
  const table = new Table({
    head: HEAD,
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [36, 10, 14, 7, 9, 6, 9, 7, 7, 44]
  })
  table.push(...rowsOf(faults, outcomes))
  return table.toString()
}

/** The same as Markdown, for `docs/reliability.md`. */
export function markdownOf(faults: readonly Fault[], outcomes: readonly Outcome[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...rowsOf(faults, outcomes)]
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function rowsOf(faults: readonly Fault[], outcomes: readonly Outcome[]): string[][] {
  return faults.flatMap((fault, index) => {
    const outcome = outcomes[index]
    return outcome === undefined ? [] : [rowOf(fault, outcome)]
  })
}

function rowOf({ name, mayLose }: Fault, outcome: Outcome): string[] {
  if ('why' in outcome) return [name, ...COLUMNS.map(() => '-'), outcome.type]
  const { figures, type } = outcome
  const remarks = [
    type === 'broken' ? 'BROKEN' : '',
    mayLose ? 'may lose' : '',
    figures.remark ?? ''
  ]
  const counts = COLUMNS.map(([column]) => String(figures[column]))
  return [name, ...counts, remarks.filter((remark) => remark !== '').join('; ')]
}
