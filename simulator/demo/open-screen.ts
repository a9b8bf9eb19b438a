import { printLines } from './lines.ts'
import type { Screen } from './screen.ts'
import { drawTable } from './table.ts'

/** A table that updates in place in a terminal, and elsewhere one line per change. */
export function openScreen(output: NodeJS.WriteStream): Screen {
  return output.isTTY ? drawTable(output) : printLines(output)
}
