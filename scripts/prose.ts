// Reports how long the sentences are, in words and commas, of every document and of the comments in src. A report, no
// gate: the goal is at most 20 words and one comma a sentence on average, and at most 25 words in any of them.
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LONGEST = 25
const WORST_FILES = 8
/** A cell of a table with fewer words is a name or a value, no sentence. */
const SHORTEST_CELL = 6

interface Counts {
  readonly file: string
  readonly sentences: number
  readonly words: number
  readonly commas: number
  /** Sentences of more than 25 words. */
  readonly long: number
}

/** The sentences of a Markdown text: paragraphs, items of lists, and cells of tables that hold prose. */
export function sentencesOfMarkdown(text: string): string[] {
  const prose = text
    .replaceAll(/^ *```.*?^ *```$/gms, '\n')
    .replaceAll(/<!--.*?-->/gs, '\n')
    .replaceAll(/^#.*$/gm, '\n')
    .replaceAll(/^\|[ |:-]+\|$/gm, '\n')
  const blocks = prose.split(/\n{2,}|\n(?= *(?:[-*]|\d+\.) |\|)/)
  return blocks.flatMap((block) =>
    block.trim().startsWith('|') ? cellsOf(block) : sentencesOf(block)
  )
}

function cellsOf(row: string): string[] {
  const cells = row.split(/(?<!\\)\|/)
  return cells.filter((cell) => wordsIn(plain(cell)) >= SHORTEST_CELL).flatMap(sentencesOf)
}

/** The sentences of the comments in a source file; comments that follow each other line by line are one text. */
export function sentencesOfComments(file: string, source: string): string[] {
  const { comments } = parseSync(file, source)
  let endOfLast = -1
  let text = ''
  for (const { type, value, start, end } of comments) {
    const isNext = type === 'Line' && /^\s*$/.test(source.slice(endOfLast, start))
    text += `${isNext ? ' ' : '\n\n'}${value.replaceAll(/^ *\* ?/gm, ' ')}`
    endOfLast = type === 'Line' ? end : -1
  }
  return text.split('\n\n').flatMap(sentencesOf)
}

/** Code counts as one word, a link as its text. */
function plain(text: string): string {
  return text
    .replaceAll(/`[^`]+`/g, 'code')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/^ *(?:[-*]|\d+\.) +/gm, '')
    .replaceAll(/\*\*/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

function sentencesOf(block: string): string[] {
  const ends = /(?<=[.!?]["')]?) +(?=["'(]?[\p{Lu}\d]|code\b)/u
  return plain(block)
    .split(ends)
    .filter((sentence) => wordsIn(sentence) > 0)
}

function wordsIn(text: string): number {
  return text.match(/[\p{L}\p{N}][\p{L}\p{N}'’./-]*/gu)?.length ?? 0
}

function count(file: string, sentences: readonly string[]): Counts {
  const lengths = sentences.map(wordsIn)
  const commas = sentences.map((sentence) => sentence.split(/,(?!\d)/).length - 1)
  const long = lengths.filter((length) => length > LONGEST).length
  return { file, sentences: sentences.length, words: sum(lengths), commas: sum(commas), long }
}

function report(title: string, files: readonly Counts[]): void {
  const used = files.filter(({ sentences }) => sentences > 0)
  const total: Counts = {
    file: title,
    sentences: sum(used.map(({ sentences }) => sentences)),
    words: sum(used.map(({ words }) => words)),
    commas: sum(used.map(({ commas }) => commas)),
    long: sum(used.map(({ long }) => long))
  }
  console.log(line(total))
  const worst = used.toSorted((one, other) => perSentence(other) - perSentence(one))
  for (const one of worst.slice(0, WORST_FILES)) console.log(`  ${line(one)}`)
}

function perSentence({ words, sentences }: Counts): number {
  return words / sentences
}

function line({ file, sentences, words, commas, long }: Counts): string {
  const average = (count: number) => (count / sentences).toFixed(1)
  return (
    `${average(words)} words, ${average(commas)} commas a sentence; ` +
    `${long} of ${sentences} over ${LONGEST} words  ${file}`
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function read(file: string): string {
  return readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
}

if (import.meta.main) {
  const documents = globSync(['*.md', 'docs/**/*.md', 'simulator/*.md'], { cwd: ROOT })
  const written = documents.filter((file) => file !== 'LICENCES.md')
  report(
    'documents',
    written.map((file) => count(file, sentencesOfMarkdown(read(file))))
  )
  const sources = globSync('src/**/*.ts', { cwd: ROOT })
  report(
    'comments of src',
    sources
      .filter((file) => !file.endsWith('generated.ts'))
      .map((file) => count(file, sentencesOfComments(file, read(file))))
  )
}
