import { flags } from './flags.ts'
import { endsInWords } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** The text of --help. */
export function usage(): string {
  const rows = flags.map(
    ({ flag, variable, fallback, does }) =>
      `  --${flag.padEnd(22)} ${variable}, default ${fallback}\n      ${does}`
  )
  return [
    'npm run simulator -- [flags]: a simulated Khipu',
    '',
    ...rows,
    `  --${'consumer'.padEnd(22)} also print the results of RESULT_QUEUE (khipu-results), with`,
    '      QUEUE_PREFIX (khipu), at REDIS_URL (redis://127.0.0.1:6379); encrypted ones with RESULT_KEYS',
    `  --${'help'.padEnd(22)} this text and the scenarios`,
    '',
    scenarioList()
  ].join('\n')
}

/** The scenarios, a line each: account prefix, name, how a request to it ends. */
export function scenarioList(): string {
  return scenarios
    .map((row) => `  ${row.prefix}-…  ${row.name.padEnd(32)} ${endsInWords(row)}`)
    .join('\n')
}
