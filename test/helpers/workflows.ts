import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** A workflow of GitHub, as far as it is looked at. */
export interface Workflow {
  readonly name?: string
  readonly on?: Readonly<Record<string, unknown>>
  readonly permissions?: Permissions
  readonly concurrency?: { readonly group?: string }
  readonly jobs?: Readonly<Record<string, Job>>
}

export interface Job {
  readonly needs?: string | readonly string[]
  readonly permissions?: Permissions
  readonly 'timeout-minutes'?: number
  readonly strategy?: { readonly matrix?: Readonly<Record<string, readonly string[]>> }
  /** Another workflow, instead of steps. */
  readonly uses?: string
  readonly steps?: readonly Step[]
}

export interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

type Permissions = Readonly<Record<string, string>> | string

export function readYaml(file: URL): unknown {
  return parse(readFileSync(file, 'utf8'))
}

/** Each breach of the rules for workflows, one line each. */
export function workflowFaults(workflow: Workflow): string[] {
  const { on = {}, permissions, concurrency, jobs = {} } = workflow
  const faults: string[] = []
  if (JSON.stringify(permissions) !== '{"contents":"read"}') faults.push('may more than read')
  if (concurrency?.group === undefined) faults.push('has no concurrency group')
  // It would run what a stranger proposes with the rights of the project.
  for (const event of ['pull_request_target', 'workflow_run']) {
    if (event in on) faults.push(`runs on ${event}`)
  }
  if (Object.keys(jobs).length === 0) faults.push('has no job')
  for (const [name, job] of Object.entries(jobs)) {
    faults.push(...jobFaults(job).map((fault) => `${name}: ${fault}`))
  }
  return faults
}

function jobFaults({ uses, steps = [], 'timeout-minutes': minutes, ...job }: Job): string[] {
  const faults = steps.flatMap(stepFaults)
  if (typeof job.permissions === 'string') faults.push(`has the permissions ${job.permissions}`)
  if (uses === undefined && steps.length === 0) faults.push('does nothing')
  if (uses === undefined && minutes === undefined) faults.push('has no time limit')
  if (uses !== undefined && !uses.startsWith('./')) faults.push(`uses ${uses}`)
  return faults
}

function stepFaults(step: Step): string[] {
  const { uses, run, with: inputs = {} } = step
  const faults: string[] = []
  if ((uses === undefined) === (run === undefined)) faults.push('a step neither uses nor runs')
  if (uses !== undefined && !/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(uses)) {
    faults.push(`${uses} is not pinned by a commit`)
  }
  // Whatever is put into a script is run by it: values come by the environment.
  if (run?.includes('${{')) faults.push('an expression stands in a script')
  if (JSON.stringify(step).includes('secrets.')) faults.push('a secret is used')
  for (const [action, input] of HARDENED) {
    if (uses?.startsWith(`${action}@`) && inputs[input] !== false) {
      faults.push(`${action} without ${input}: false`)
    }
  }
  return faults
}

/** Inputs that have to be false: what would leave a token on disk, or trust a cache. */
const HARDENED = [
  ['actions/checkout', 'persist-credentials'],
  ['actions/setup-node', 'package-manager-cache'],
  ['docker/setup-qemu-action', 'cache-image'],
  ['docker/setup-buildx-action', 'cache-binary']
] as const
