import { existsSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { dashboardText } from '../../../scripts/dashboard.ts'
import { codeIn, readProject, tableAfter } from '../../helpers/documents.ts'
import { queriesOf, readDashboard, readRules, RULES } from '../../helpers/ops-files.ts'
import { scrapeOfAll } from '../../helpers/scrape.ts'

// The rules, the dashboard and the profile `monitoring` name what there is.

const MONITORING = 'docs/operate/monitoring.md'
const RUNBOOK = 'docs/operate/runbook.md'
const { alerts, records } = readRules()
const dashboard = readDashboard()
const charts = dashboard.panels.filter(({ type }) => type !== 'row')

t.test('every metric in rules, their tests and the dashboard exists in a scrape', async (t) => {
  const scraped = new Set(
    [...(await scrapeOfAll()).matchAll(/^(\w+)(?:\{.*\})? /gm)].map(([, name]) => name)
  )
  const recorded = new Set(records.map(({ record }) => record))
  const tested = readProject('ops/khipu-receiver.rules.test.yml')
  const texts = {
    rules: [...alerts, ...records].map(({ expr }) => expr).join('\n'),
    tests: [...tested.matchAll(/series: '([\w:]+)/g)].map(([, name]) => name).join('\n'),
    dashboard: queriesOf(dashboard).join('\n'),
    variables: JSON.stringify(dashboard.templating)
  }
  for (const [where, text] of Object.entries(texts)) {
    const named = new Set(
      [...text.matchAll(/[\w:]*(?:khipu|process|nodejs)_[\w:]+/g)].map(([name]) => name)
    )
    t.ok(named.size > 1)
    for (const name of named) t.ok(scraped.has(name) || recorded.has(name), `${where}: ${name}`)
  }
})

t.test('every alert has a severity, words and an entry of the runbook that names it', async (t) => {
  t.ok(alerts.length >= 19)
  const sections = sectionsOf(readProject(RUNBOOK))
  for (const { alert, labels, annotations } of alerts) {
    t.match(labels.severity, /^(?:page|ticket)$/, alert)
    t.ok(annotations.summary.length > 10, alert)
    const [document, anchor = ''] = annotations.runbook.split('#')
    t.equal(document, RUNBOOK, alert)
    const section = sections.get(anchor) ?? ''
    t.ok(codeIn(section).includes(alert), `${alert} is in ${anchor}`)
    for (const part of ['**Means:**', '**Look at:**', '**Do:**'])
      t.ok(section.includes(part), `${alert}: ${part}`)
  }
})

t.test('no two alerts have one name, and each has a test that fires it', async (t) => {
  const names = alerts.map(({ alert }) => alert)
  t.equal(new Set(names).size, names.length)
  const tested = readProject('ops/khipu-receiver.rules.test.yml')
  for (const name of names) t.ok(tested.includes(`alertname="${name}"`), name)
})

t.test('every alert is in the table of monitoring with its severity, and no other', async (t) => {
  const rows = tableAfter(MONITORING, 'alerts').map(([alert = '', severity = '', , link = '']) => [
    codeIn(alert)[0],
    severity,
    link.match(/\((.*)\)/)?.[1]
  ])
  t.same(
    rows,
    alerts.map(({ alert, labels, annotations }) => [
      alert,
      labels.severity,
      annotations.runbook.replace('docs/operate/', '')
    ])
  )
})

/** The text of each section of a document, by its anchor. */
function sectionsOf(text: string): ReadonlyMap<string, string> {
  const sections = text.split(/^## /m).slice(1)
  return new Map(
    sections.map((section) => {
      const [heading = ''] = section.split('\n')
      return [heading.toLowerCase().replaceAll(' ', '-'), section]
    })
  )
}

t.test('the dashboard is what its script makes', async (t) => {
  t.equal(readProject('ops/grafana/khipu-receiver.json'), await dashboardText())
})

t.test('each panel has a title, a query and a unit, and a place of its own', async (t) => {
  t.ok(charts.length > 20)
  t.equal(new Set(charts.map(({ title }) => title)).size, charts.length)
  for (const { title, targets = [], fieldConfig } of charts) {
    t.ok(title.length > 3, title)
    t.ok(targets.length > 0 && targets.every(({ expr }) => expr !== ''), `${title} has a query`)
    t.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
    t.match(fieldConfig?.defaults.unit, /^(?:short|s|bytes|percentunit|cpm)$/, title)
  }
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`)
  )
  t.equal(new Set(cells).size, cells.length, 'no panel covers another one')
  t.ok(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24))
})

t.test('the rows of the dashboard are those of the design', async (t) => {
  const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title)
  const wanted = ['Now', 'Flow', 'Khipu', 'Waiting', 'Callbacks', 'Result queue', 'Processes']
  t.same(rows, wanted)
  const names = dashboard.templating.list.map(({ name }) => name)
  t.same(names, ['datasource', 'instance', 'bank'])
  for (const { title, targets = [] } of charts) {
    for (const { expr } of targets) t.match(expr, '{instance=~"$instance"', title)
  }
})

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly configs: Readonly<Record<string, { readonly file: string }>>
}

interface ComposeService {
  readonly profiles?: readonly string[]
  readonly ports?: readonly string[]
  readonly read_only?: boolean
  readonly networks: readonly string[]
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
  readonly environment?: Readonly<Record<string, string>>
}

t.test('the profile monitoring mounts what it names, on loopback alone', async (t) => {
  const compose = parse(readProject('docker-compose.yml'), { merge: true }) as Compose
  const services = Object.entries(compose.services).filter(([, { profiles = [] }]) =>
    profiles.includes('monitoring')
  )
  t.same(
    services.map(([name]) => name),
    ['prometheus', 'grafana']
  )
  const mounted = new Map<string, string>()
  for (const [name, { ports = [], configs = [], read_only: isReadOnly }] of services) {
    t.equal(isReadOnly, true, name)
    t.ok(
      ports.every((port) => port.startsWith('127.0.0.1:')),
      name
    )
    for (const { source, target } of configs) {
      const file = compose.configs[source]?.file.replace('./', '') ?? ''
      t.ok(existsSync(new URL(`../../../${file}`, import.meta.url)), `${target}: ${file}`)
      mounted.set(target, file)
    }
  }
  t.equal(mounted.get('/etc/prometheus/khipu-receiver.rules.yml'), RULES)
  const home =
    compose.services['grafana']?.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']
  t.equal(mounted.get(home ?? ''), 'ops/grafana/khipu-receiver.json')

  const prometheus = parse(readProject('ops/prometheus.yml')) as {
    rule_files: string[]
    scrape_configs: { static_configs: { targets: string[] }[] }[]
  }
  for (const file of prometheus.rule_files) t.ok(mounted.has(`/etc/prometheus/${file}`), file)
  const targets = prometheus.scrape_configs.flatMap((job) =>
    job.static_configs.flatMap((one) => one.targets)
  )
  t.same(targets, ['server:3001', 'worker:3001'])
  for (const target of targets) {
    const shared = compose.services[target.split(':')[0] ?? '']?.networks ?? []
    const own = compose.services['prometheus']?.networks ?? []
    t.ok(
      shared.some((network) => own.includes(network)),
      `${target} is reached`
    )
  }
})

t.test('what Grafana is provisioned with is there', async (t) => {
  const read = (file: string) => parse(readProject(`ops/grafana/provisioning/${file}`)) as unknown
  t.match(read('datasources/prometheus.yml'), {
    datasources: [{ type: 'prometheus', url: 'http://prometheus:9090' }]
  })
  t.match(read('dashboards/khipu-receiver.yml'), {
    providers: [{ type: 'file', options: { path: '/etc/grafana/dashboards' } }]
  })
})
