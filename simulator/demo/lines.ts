import type { Screen } from './screen.ts'
import { resultInWords, type Sight } from './sight.ts'
import { timeLeft } from './time-left.ts'

/** A screen for logs and pipes: one line per change. */
export function printLines(output: NodeJS.WritableStream): Screen {
  const shown = new Map<Sight['row'], string>()
  const write = (line: string) => output.write(`${line.trimEnd()}\n`)
  return {
    show(sights) {
      for (const sight of sights) {
        const now = changeable(sight)
        if (now === null || shown.get(sight.row) === now) continue
        shown.set(sight.row, now)
        write(lineOf(sight))
      }
    },
    say: write,
    end() {}
  }
}

/** What makes a line worth writing again; null where there is nothing to say yet. */
function changeable(sight: Sight): string | null {
  const { view } = sight
  if (view === null) return null
  return JSON.stringify([view.state, view.reason, view.attempts, resultInWords(sight)])
}

function lineOf(sight: Sight): string {
  const { row, view } = sight
  const { state = '', reason = null, attempts = 0, dueAt = null } = view ?? {}
  const result = resultInWords(sight)
  return [
    `${(performance.now() / 1000).toFixed(1).padStart(5)} s `,
    row.label.padEnd(29),
    state.padEnd(17),
    `attempts: ${attempts} `,
    ...(reason === null ? [] : [`${reason} `]),
    ...(dueAt === null ? [] : [`next step in ${timeLeft(dueAt)} (${dueAt}) `]),
    ...(result === '' ? [] : [`result: ${result}`])
  ].join(' ')
}
