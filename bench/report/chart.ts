import { type Goal, isMet } from './results.ts'
import { plain } from './statistics.ts'

const WIDTH = 860
const LABEL = 430
const ROW = 24
const TOP = 44
/** Where the bars end: a ratio beyond it is cut off, and its figure says so. */
const MOST = 2
const SCALE = (WIDTH - LABEL - 90) / MOST

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .met { fill: #1a7f37 } .unmet { fill: #bc4c00 }
  .goal { stroke: #1f2328; stroke-width: 2 }
  .line { stroke: #d1d9e0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .met { fill: #3fb950 } .unmet { fill: #f0883e }
    .goal { stroke: #e6edf3 }
    .line { stroke: #3d444d }
  }`

interface Bar {
  readonly goal: Goal
  readonly length: number
  readonly mark: number
  readonly text: string
}

/** Bars of all figures with a goal. A stroke marks the goal. */
export function drawChart(goals: readonly Goal[]): string {
  const groups: (readonly [title: string, bars: readonly Bar[]])[] = [
    ['Ratio to what the service is compared with', goals.filter(isRatio).map(ratioBar)],
    ['Figure as a part of its goal', goals.filter((goal) => !isRatio(goal)).map(partBar)]
  ]
  let y = 0
  const parts: string[] = []
  for (const [title, bars] of groups.filter(([, all]) => all.length > 0)) {
    parts.push(`<text class="title" x="12" y="${y + 26}">${title}</text>`)
    parts.push(...bars.map((bar, index) => drawBar(bar, y + TOP + index * ROW)))
    y += TOP + bars.length * ROW + 12
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img">
<title>Measured figures beside their goals</title>
<style>${STYLE}
</style>
${parts.join('\n')}
</svg>
`
}

const isRatio = ({ unit }: Goal) => unit === '×'

function ratioBar(goal: Goal): Bar {
  return { goal, length: goal.value, mark: goal.limit, text: `${plain(goal.value)} ×` }
}

function partBar(goal: Goal): Bar {
  const text = `${plain(goal.value)} ${goal.unit}`
  return { goal, length: goal.value / goal.limit, mark: 1, text }
}

function drawBar({ goal, length, mark, text }: Bar, y: number): string {
  const width = Math.round(Math.min(length, MOST) * SCALE)
  const at = LABEL + Math.round(mark * SCALE)
  return [
    `<text x="12" y="${y + 12}">${escaped(goal.name)}</text>`,
    `<line class="line" x1="${LABEL}" x2="${LABEL}" y1="${y - 4}" y2="${y + 20}"/>`,
    `<rect class="${isMet(goal) ? 'met' : 'unmet'}" x="${LABEL}" y="${y + 1}" width="${width}" height="14"/>`,
    `<line class="goal" x1="${at}" x2="${at}" y1="${y - 2}" y2="${y + 18}"/>`,
    `<text x="${Math.max(LABEL + width, at) + 6}" y="${y + 12}">${escaped(text)}</text>`
  ].join('\n')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
