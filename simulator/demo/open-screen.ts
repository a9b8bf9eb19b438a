import { printLines } from './lines.ts'
import type { Screen } from './screen.ts'

/**
 * A table that updates in place in a terminal, and elsewhere one line per change; lines as well where the packages
 * that draw the table are not installed, as in the simulator's image.
 */
export async function openScreen(output: NodeJS.WriteStream): Promise<Screen> {
  const table = output.isTTY ? await import('./table.ts').catch(onlyIfMissing) : null
  return table === null ? printLines(output) : table.drawTable(output)
}

function onlyIfMissing(error: Error & { code?: string }): null {
  if (error.code === 'ERR_MODULE_NOT_FOUND') return null
  throw error
}
