import { styleText } from 'node:util'
import { type DemoRequest, duplicatesOf } from './demo-requests.ts'

const columns: readonly [head: string, width: number, of: (one: DemoRequest) => string][] = [
  ['scenario', 29, ({ label }) => label],
  ['state', 17, ({ view }) => view?.state ?? ''],
  ['tries', 5, ({ view }) => String(view?.attempts ?? '')],
  ['next in', 7, timeLeft],
  ['result', 23, resultOf],
  ['next at', 9, ({ view }) => view?.dueAt?.slice(11, 19).concat('Z') ?? ''],
  ['reason', 24, ({ view }) => view?.reason ?? '']
]
const colors = { delivered: 'green', failed: 'red', parked: 'yellow' } as const

/** Shows requests, and texts that stay: in a terminal a table updated in place, elsewhere a line per change. */
export function openScreen(output: NodeJS.WriteStream) {
  let table = ''
  const shown = new Map<string, string>()
  return { say: (text: string) => draw(`${text}\n`, table), show: output.isTTY ? update : addLines }

  /** Writes a text in the place of the table, and a table below it. */
  function draw(text: string, below: string): void {
    const lines = table.split('\n').length - 1
    output.write(`${lines === 0 ? '' : `\u001b[${lines}A\u001b[J`}${text}${below}`)
    table = below
  }

  function update(all: DemoRequest[]): void {
    const rows = all.map((one) => {
      const state = (one.view?.state ?? '') as 'failed'
      const row = lineOf(one).slice(0, output.columns)
      return state in colors ? row.replace(state, styleText(colors[state], state)) : row
    })
    draw('', [styleText('bold', lineOf().slice(0, output.columns)), ...rows, ''].join('\n'))
  }

  function addLines(all: DemoRequest[]): void {
    if (shown.size === 0) draw(`time     ${lineOf()}\n`, '')
    for (const one of all) {
      // What counts down is no change.
      const now = [one.view?.state, one.view?.reason, one.view?.attempts, resultOf(one)].join()
      const seconds = (performance.now() / 1000).toFixed(1).padStart(5)
      if (one.view && shown.get(one.label) !== now) draw(`${seconds} s  ${lineOf(one)}\n`, '')
      shown.set(one.label, now)
    }
  }
}

/** A request in columns; without one, their heads. */
function lineOf(one?: DemoRequest): string {
  const cells = columns.map(([head, width, of]) => (one ? of(one) : head).padEnd(width))
  return cells.join(' ').trimEnd()
}

function timeLeft({ view }: DemoRequest): string {
  if (!view?.dueAt) return ''
  const seconds = Math.max(0, Math.ceil((Date.parse(view.dueAt) - Date.now()) / 1000))
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`
}

/** What came on the result queue, and which callbacks came besides. */
function resultOf(one: DemoRequest): string {
  const others = { duplicate: duplicatesOf(one), quarantined: one.quarantined }
  return [
    ...one.results.map(({ completeness, outcome }) => completeness ?? outcome),
    ...Object.entries(others).flatMap(([what, count]) => (count > 0 ? `${count} ${what}` : []))
  ].join(', ')
}
