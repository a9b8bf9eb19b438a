import CliTable from 'cli-table3'
import { type Goal, isMet, limitOf, type Results, type Table } from './results.ts'

/** The goals, each beside its figure. */
export function goalTable(goals: readonly Goal[]): Table {
  return {
    title: 'Goals',
    head: ['figure', 'measured', 'goal', 'met'],
    rows: goals.map((goal) => [
      goal.name,
      `${goal.text}${goal.unit === '' ? '' : ` ${goal.unit}`}`,
      limitOf(goal),
      isMet(goal) ? 'yes' : 'no'
    ])
  }
}

function tablesOf({ goals, tables }: Results): readonly Table[] {
  return goals.length === 0 ? tables : [goalTable(goals), ...tables]
}

export function asText(results: Results): string {
  return tablesOf(results)
    .map(({ title, head, rows, note }) => {
      const table = new CliTable({ head: [...head], style: { head: [], border: [] } })
      for (const row of rows) table.push([...row])
      return [title, table.toString(), ...(note === undefined ? [] : [note])].join('\n')
    })
    .join('\n\n')
}

export function asMarkdown(results: Results): string {
  return tablesOf(results)
    .map(({ title, head, rows, note }) =>
      [
        `### ${title}`,
        [head, head.map(() => '---'), ...rows].map(markdownRow).join('\n'),
        ...(note === undefined ? [] : [note])
      ].join('\n\n')
    )
    .join('\n\n')
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
