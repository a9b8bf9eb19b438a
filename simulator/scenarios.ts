import type { Scenario } from './scenario.ts'
import { answerScenarios } from './scenarios/answers.ts'
import { callbackScenarios } from './scenarios/callbacks.ts'
import { connectionScenarios } from './scenarios/connections.ts'
import { dataScenarios, okScenario } from './scenarios/data.ts'
import { errorScenarios } from './scenarios/errors.ts'
import { timingScenarios } from './scenarios/timing.ts'

/** Everything the simulated Khipu can do, in the order of the README's table. */
export const scenarios: readonly Scenario[] = [
  ...dataScenarios,
  ...errorScenarios,
  ...timingScenarios,
  ...answerScenarios,
  ...connectionScenarios,
  ...callbackScenarios
]

/** The scenario of an account number: the row of its prefix, and `ok` for every other number. */
export function scenarioOf(account: string): Scenario {
  const [prefix = ''] = account.split('-', 1)
  return byPrefix.get(prefix) ?? okScenario
}

const byPrefix = new Map(scenarios.map((scenario) => [scenario.prefix, scenario]))
