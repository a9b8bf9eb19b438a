import { styleText } from 'node:util'
import { duplicatesOf, type Observed } from './observer.ts'

/** Where the demo shows what happens: the requests, and texts that stay. */
export interface Screen {
  show(all: readonly Observed[]): void
  say(text: string): void
}

/** In a terminal a table that is updated in place; elsewhere a line per change. */
export function openScreen(output: NodeJS.WriteStream): Screen {
  return output.isTTY ? drawTable(output) : printLines(output)
}

type Column = readonly [head: string, width: number, cell: (one: Observed) => string]

const columns: readonly Column[] = [
  ['scenario', 29, ({ label }) => label],
  ['state', 17, ({ view }) => view?.state ?? ''],
  ['tries', 5, ({ view }) => String(view?.attempts ?? '')],
  ['next in', 7, ({ view }) => timeLeft(view?.dueAt)],
  ['result', 23, resultOf],
  ['next at', 9, ({ view }) => view?.dueAt?.slice(11, 19).concat('Z') ?? ''],
  ['reason', 24, ({ view }) => view?.reason ?? '']
]
const colors = { delivered: 'green', failed: 'red', parked: 'yellow' } as const

function printLines(output: NodeJS.WriteStream): Screen {
  const shown = new Map<string, string>()
  const say = (line: string) => void output.write(`${line.trimEnd()}\n`)
  const show = (one: Observed) => {
    const { label, view } = one
    const now = [view?.state, view?.reason, view?.attempts, resultOf(one)].join()
    if (view !== null && shown.get(label) !== now) {
      const seconds = (performance.now() / 1000).toFixed(1).padStart(5)
      say(`${seconds} s  ${lineOf(({ 2: cell }) => cell(one))}`)
    }
    shown.set(label, now)
  }
  return { say, show: (all) => all.forEach(show) }
}

function drawTable(output: NodeJS.WriteStream): Screen {
  let table = ''
  const replaceBy = (text: string, next: string) => {
    // Up to the first line of the table, and erased from there on.
    const lines = table.split('\n').length - 1
    output.write(`${lines === 0 ? '' : `\u001b[${lines}A\u001b[J`}${text}${next}`)
    table = next
  }
  const show = (all: readonly Observed[]) => {
    const fit = (line: string) => line.slice(0, output.columns)
    const rows = all.map((one) => {
      const state = one.view?.state ?? ''
      const color = state in colors ? colors[state as 'failed'] : 'reset'
      return fit(lineOf(({ 2: cell }) => cell(one))).replace(state, styleText(color, state))
    })
    replaceBy('', [styleText('bold', fit(lineOf(([head]) => head))), ...rows, ''].join('\n'))
  }
  return { show, say: (text) => replaceBy(`${text}\n`, table) }
}

function lineOf(textOf: (column: Column) => string): string {
  return columns.map((column) => textOf(column).padEnd(column[1])).join(' ')
}

function timeLeft(dueAt: string | null | undefined): string {
  if (!dueAt) return ''
  const seconds = Math.max(0, Math.ceil((Date.parse(dueAt) - Date.now()) / 1000))
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`
}

/** What came on the result queue, and which callbacks came besides. */
function resultOf(one: Observed): string {
  const duplicates = duplicatesOf(one)
  return [
    ...one.results.map(({ completeness, outcome }) => completeness ?? outcome),
    ...(duplicates > 0 ? [`${duplicates} duplicate`] : []),
    ...(one.quarantined > 0 ? [`${one.quarantined} quarantined`] : [])
  ].join(', ')
}
