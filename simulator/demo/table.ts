import { styleText } from 'node:util'
import Table from 'cli-table3'
import { createLogUpdate } from 'log-update'
import type { Screen } from './screen.ts'
import { resultInWords, type Sight } from './sight.ts'
import { timeLeft, timeOfDay } from './time-left.ts'

/** A screen for terminals: a table that updates in place, what is said scrolls by above it. */
export function drawTable(output: NodeJS.WriteStream): Screen {
  const update = createLogUpdate(output)
  let table = ''
  return {
    show(sights) {
      table = tableOf(sights, layoutFor(output.columns))
      update(table)
    },
    say(text) {
      update.persist(text)
      if (table !== '') update(table)
    },
    end: () => update.done()
  }
}

interface Column {
  readonly head: string
  readonly width: number
  readonly cell: (sight: Sight) => string
}

const scenario = { head: 'scenario', width: 29, cell: ({ row }: Sight) => row.label }
const state = { head: 'state', width: 17, cell: ({ view }: Sight) => colored(view?.state ?? '') }
const reason = { head: 'reason', width: 24, cell: ({ view }: Sight) => view?.reason ?? '' }
const attempts = {
  head: 'attempts',
  width: 8,
  cell: ({ view }: Sight) => (view === null ? '' : String(view.attempts))
}
const left = {
  head: 'next step in',
  width: 12,
  cell: ({ view }: Sight) => timeLeft(view?.dueAt ?? null)
}
const due = {
  head: 'next step at',
  width: 12,
  cell: ({ view }: Sight) => timeOfDay(view?.dueAt ?? null)
}
const result = { head: 'result', width: 23, cell: resultInWords }

// The first that fits is taken; the last one must do.
const layouts: readonly (readonly Column[])[] = [
  [scenario, state, reason, attempts, left, due, result],
  [scenario, state, attempts, left, due, result],
  [scenario, state, attempts, left, result],
  [
    { ...scenario, width: 18 },
    state,
    { ...attempts, head: 'tries', width: 5 },
    { ...left, head: 'next in', width: 7 },
    result
  ]
]

function layoutFor(columns = 80): readonly Column[] {
  const fits = (layout: readonly Column[]) => fullWidth(layout) <= columns
  return layouts.find(fits) ?? layouts.at(-1) ?? []
}

function fullWidth(layout: readonly Column[]): number {
  return layout.reduce((sum, { width }) => sum + width + PADDING, 0)
}

// One space before and one after.
const PADDING = 2

function tableOf(sights: readonly Sight[], layout: readonly Column[]): string {
  const table = new Table({
    head: layout.map(({ head }) => head),
    colWidths: layout.map(({ width }) => width + PADDING),
    chars: horizontalLinesOnly,
    style: { head: ['bold'], border: ['gray'], compact: true }
  })
  table.push(...sights.map((sight) => layout.map(({ cell }) => cell(sight))))
  return table.toString()
}

const horizontalLinesOnly = {
  ...{ 'top-left': '', 'top-mid': '', 'top-right': '', left: '', middle: '', right: '' },
  ...{ 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  ...{ 'bottom-left': '', 'bottom-mid': '', 'bottom-right': '' }
}

const colors = new Map([
  ['delivered', 'green'],
  ['failed', 'red'],
  ['parked', 'yellow'],
  ['retry-scheduled', 'yellow']
] as const)

function colored(word: string): string {
  const color = colors.get(word as 'delivered')
  return color === undefined ? word : styleText(color, word)
}
