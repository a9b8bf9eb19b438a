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

/** The figures of a whole run, a row per fault. */
export function tableOf(faults: readonly Fault[], outcomes: readonly Outcome[]): string {
  const table = new Table({
    head: ['fault', ...COLUMNS.map(([, title]) => title), 'remark'],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [40, 10, 14, 7, 9, 6, 9, 7, 7, 40]
  })
  for (const [index, { name, mayLose }] of faults.entries()) {
    const outcome = outcomes[index]
    if (outcome === undefined) continue
    if ('why' in outcome) table.push([name, ...COLUMNS.map(() => '-'), outcome.type])
    else {
      const { figures } = outcome
      const remark = [
        outcome.type === 'broken' ? 'BROKEN' : '',
        mayLose ? 'may lose' : '',
        figures.remark ?? ''
      ]
      table.push([name, ...COLUMNS.map(([key]) => figures[key]), remark.filter(Boolean).join('; ')])
    }
  }
  return table.toString()
}
