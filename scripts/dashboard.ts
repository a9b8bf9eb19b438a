// Writes ops/grafana/khipu-receiver.json, the dashboard for Grafana. With --check it only compares, for CI.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { type Panel, type Row, ROWS } from './dashboard-rows.ts'

const FILE = fileURLToPath(new URL('../ops/grafana/khipu-receiver.json', import.meta.url))
const SOURCE = { type: 'prometheus', uid: '${datasource}' }
const WIDTH = 24
const [STAT_HEIGHT, CHART_HEIGHT] = [4, 8]

/** The dashboard as Grafana reads it. */
export function dashboard() {
  return {
    uid: 'khipu-receiver',
    title: 'Khipu receiver',
    tags: ['khipu'],
    timezone: 'browser',
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    editable: true,
    annotations: { list: [ALERTS] },
    templating: { list: VARIABLES },
    panels: placed(ROWS)
  }
}

/** Every alert that fires is a mark on every chart. */
const ALERTS = {
  name: 'Alerts',
  enable: true,
  datasource: SOURCE,
  expr: 'ALERTS{alertname=~"Khipu.*", alertstate="firing"}',
  titleFormat: '{{alertname}}',
  iconColor: 'red'
}

const VARIABLES = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  variable('instance', 'Process', 'label_values(khipu_build_info, instance)'),
  variable(
    'bank',
    'Bank',
    'label_values({__name__=~"khipu_requests_live|khipu_decisions_total"}, bank)'
  )
]

function variable(name: string, label: string, query: string) {
  return {
    name,
    label,
    type: 'query',
    datasource: SOURCE,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' }
  }
}

/** The panels of each row side by side, in as many lines as they need. */
function placed(rows: readonly Row[]) {
  let y = 0
  let id = 0
  return rows.flatMap(({ title, panels }) => {
    const head = { id: (id += 1), type: 'row', title, collapsed: false, panels: [] }
    const line = { ...head, gridPos: { x: 0, y, w: WIDTH, h: 1 } }
    y += 1
    const isSmall = panels.every(({ type }) => type === 'stat')
    const [across, h] = isSmall ? [panels.length, STAT_HEIGHT] : [2, CHART_HEIGHT]
    const w = WIDTH / across
    const charts = panels.map((panel, index) => {
      const gridPos = { x: (index % across) * w, y: y + Math.floor(index / across) * h, w, h }
      return { id: (id += 1), ...panelOf(panel), gridPos }
    })
    y += Math.ceil(panels.length / across) * h
    return [line, ...charts]
  })
}

function panelOf(panel: Panel) {
  const { title, description = '', type = 'timeseries', queries } = panel
  const targets = Object.entries(queries).map(([legendFormat, expr], index) => ({
    refId: 'ABCDEFGH'.charAt(index),
    datasource: SOURCE,
    expr,
    legendFormat,
    ...(type === 'heatmap' ? { format: 'heatmap' } : {}),
    ...(type === 'stat' ? { instant: true } : {})
  }))
  return {
    type,
    title,
    description,
    datasource: SOURCE,
    targets,
    fieldConfig: { defaults: defaultsOf(panel, type), overrides: [] },
    options: OPTIONS[type]
  }
}

const OPTIONS = {
  stat: { colorMode: 'background', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'] } },
  heatmap: {
    calculate: false,
    color: { mode: 'scheme', scheme: 'Blues', steps: 64 },
    yAxis: { unit: 's', axisPlacement: 'left' },
    rowsFrame: { layout: 'auto' },
    filterValues: { le: 1e-9 },
    legend: { show: true },
    tooltip: { mode: 'single', yHistogram: false },
    cellGap: 1
  },
  timeseries: {
    legend: { displayMode: 'list', placement: 'bottom' },
    tooltip: { mode: 'multi', sort: 'desc' }
  }
}

function defaultsOf({ unit, bad, isFloor = false, isStacked = false }: Panel, type: string) {
  const colors = isFloor ? ['red', 'green'] : ['green', 'red']
  const steps = [null, bad].map((value, index) => ({ color: colors[index], value }))
  return {
    unit,
    ...(bad === undefined ? {} : { thresholds: { mode: 'absolute', steps } }),
    ...(type === 'timeseries' ? { min: 0, custom: chartOf(isStacked) } : {})
  }
}

function chartOf(isStacked: boolean) {
  const stacking = { mode: isStacked ? 'normal' : 'none', group: 'A' }
  return { fillOpacity: isStacked ? 30 : 5, lineWidth: 1, showPoints: 'never', stacking }
}

/** The file as it is to be. */
export async function dashboardText(): Promise<string> {
  const options = await resolveConfig(FILE)
  return format(JSON.stringify(dashboard()), { ...options, parser: 'json' })
}

if (import.meta.main) {
  const text = await dashboardText()
  if (!process.argv.includes('--check')) writeFileSync(FILE, text)
  else if (readFileSync(FILE, 'utf8') !== text) {
    console.error(
      'ops/grafana/khipu-receiver.json is not what scripts/dashboard.ts makes. Run: npm run generate'
    )
    process.exitCode = 1
  }
}
