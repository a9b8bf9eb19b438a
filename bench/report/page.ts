import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, say } from '../site/processes.ts'
import { drawChart } from './chart.ts'
import { describeMachine } from './machine.ts'
import type { Results } from './results.ts'
import { asMarkdown } from './show-table.ts'

const PAGE = join(ROOT, 'docs', 'performance.md')
const CHART = join(ROOT, 'docs', 'performance.svg')
const [BEGIN, END] = ['<!-- measured -->', '<!-- /measured -->']

/** Replaces the generated part of docs/performance.md, and draws docs/performance.svg. */
export async function writePage(results: Results): Promise<void> {
  const page = readFileSync(PAGE, 'utf8')
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md has no ${BEGIN} … ${END}`)
  const machine = (await describeMachine()).map(([name, value]) => `| ${name} | ${value} |`)
  const generated = [
    BEGIN,
    ['| | |', '| --- | --- |', ...machine].join('\n'),
    asMarkdown(results),
    ''
  ].join('\n\n')
  writeFileSync(PAGE, page.slice(0, begin) + generated.trimEnd() + '\n\n' + page.slice(end))
  writeFileSync(CHART, drawChart(results.goals))
  say('docs/performance.md and docs/performance.svg are written')
}
