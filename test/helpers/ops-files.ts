import { parse } from 'yaml'
import { readProject } from './documents.ts'

export const RULES = 'ops/khipu-receiver.rules.yml'

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook: string }
}

interface RuleRecord {
  readonly record: string
  readonly expr: string
}

type Rule = Alert | RuleRecord

/** The rules of every group. */
export function readRules(): { readonly alerts: readonly Alert[]; records: readonly RuleRecord[] } {
  const { groups } = parse(readProject(RULES)) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  return {
    alerts: rules.filter((rule): rule is Alert => 'alert' in rule),
    records: rules.filter((rule): rule is RuleRecord => 'record' in rule)
  }
}

export interface DashboardPanel {
  readonly type: string
  readonly title: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
}

interface Dashboard {
  readonly panels: readonly DashboardPanel[]
  readonly templating: { readonly list: readonly { name: string; query: unknown }[] }
}

export function readDashboard(): Dashboard {
  return JSON.parse(readProject('ops/grafana/khipu-receiver.json')) as Dashboard
}

/** The queries of the dashboard, with values in the place of its variables. */
export function queriesOf({ panels }: Dashboard): string[] {
  return panels
    .flatMap(({ targets = [] }) => targets)
    .map(({ expr }) =>
      expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(?:instance|bank)\b/g, '.*')
    )
}
