import { sum } from '../../core/sum.ts'
import { html, type Markup } from './html.ts'

/** A bar of a chart: its label and how much of each kind it stacks. */
export interface Bar {
  readonly label: string
  readonly parts: readonly { readonly kind: string; readonly value: number }[]
}

const WIDTH = 720
const HEIGHT = 130

/** Bars of equal width, stacked from below. Colours come from the classes of the sheet. */
export function barChart(title: string, bars: readonly Bar[]): Markup {
  const most = Math.max(1, ...bars.map(({ parts }) => sum(parts.map(({ value }) => value))))
  const step = WIDTH / Math.max(1, bars.length)
  const rects = bars.flatMap(({ label, parts }, index) => {
    let top = HEIGHT
    return parts.flatMap(({ kind, value }) => {
      const height = (value / most) * HEIGHT
      top -= height
      const x = (index * step + step * 0.1).toFixed(1)
      return value === 0
        ? []
        : [
            html`<rect
              class="${kind}"
              x="${x}"
              y="${top.toFixed(1)}"
              width="${(step * 0.8).toFixed(1)}"
              height="${height.toFixed(1)}"
              ><title>${label}: ${value}</title></rect
            >`
          ]
    })
  })
  return html`<svg
    class="chart"
    viewBox="0 0 ${WIDTH} ${HEIGHT + 2}"
    role="img"
    aria-label="${title}"
    preserveAspectRatio="none"
  >
    ${rects}
    <line class="axis" x1="0" x2="${WIDTH}" y1="${HEIGHT + 1}" y2="${HEIGHT + 1}"></line>
  </svg>`
}
