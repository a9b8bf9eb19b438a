import { commandLine } from './command-line.ts'
import { consumerSettings, startConsumer } from './consumer.ts'
import { startKhipu, type Khipu } from './khipu.ts'
import { scenarioList, usage } from './usage.ts'

const {
  settings,
  consumer: wantsConsumer,
  help,
  violations
} = commandLine(process.argv.slice(2), process.env)
if (violations.length > 0) refuse(violations)
else if (help) console.log(usage())
else await start()

async function start(): Promise<void> {
  const khipu = await startKhipu({ ...settings, log: console.log }).catch((error: Error) => error)
  if (khipu instanceof Error) return refuse([khipu.message])
  const consumer = wantsConsumer
    ? startConsumer({ ...consumerSettings(process.env), keep: false })
    : null
  console.log(welcome(khipu))
  endOnSignal(async () => {
    await Promise.all([khipu.close(), consumer?.close()])
  })
}

function refuse(lines: readonly string[]): void {
  console.error(['the simulator can not start:', ...lines].join('\n  '))
  process.exitCode = 1
}

function welcome({ url }: Khipu): string {
  return [
    `simulated Khipu at ${url}   (give it to the service as KHIPU_BASE_URL)`,
    `what it got and sent: ${url}/simulator/calls  ${url}/simulator/callbacks`,
    wantsConsumer
      ? 'simulated consumer: prints the results below'
      : 'simulated consumer: add --consumer',
    'The account number chooses the scenario, e.g. 1101-0001; every other number is ok:',
    scenarioList()
  ].join('\n')
}

/** The first signal ends in order, the second at once. */
function endOnSignal(close: () => Promise<void>): void {
  let isEnding = false
  const end = () => {
    if (isEnding) process.exit(1)
    isEnding = true
    void close().then(() => process.exit(0))
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}
