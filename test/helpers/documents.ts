import { globSync, readFileSync } from 'node:fs'

const ROOT = new URL('../../', import.meta.url)

/** A file of the project, as text; the path is relative to its root. */
export function readProject(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

/** Every document that people write, by its path. */
export const DOCUMENTS: readonly string[] = globSync(
  ['*.md', 'docs/**/*.md', 'simulator/README.md'],
  { cwd: ROOT }
)
  .filter((path) => path !== 'LICENCES.md')
  .toSorted()

/** The rows of the first table behind a mark `<!-- name -->`, as cells without the head. */
export function tableAfter(path: string, mark: string): string[][] {
  const [, after = ''] = readProject(path).split(`<!-- ${mark} -->`)
  const [table = ''] = after.trim().split('\n\n')
  const [head = '', rule = '', ...rows] = table.split('\n')
  if (!head.startsWith('|') || !rule.startsWith('| ---') || rows.length === 0) {
    throw new Error(`${path} has no table behind the mark ${mark}`)
  }
  return rows.map(cellsOf)
}

// A pipe behind a backslash belongs to its cell.
function cellsOf(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}

/** What stands between backticks in a text, in its order. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}
