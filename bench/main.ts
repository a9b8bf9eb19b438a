import { type Options, readOptions, USAGE } from './options.ts'

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) console.log(USAGE)
  else await run(options)
} catch (error) {
  console.error(
    `the benchmark ended early: ${(error as Error).message}\nsee npm run bench -- --help`
  )
  // Exit handlers end whatever was started.
  process.exit(1)
}

async function run(options: Options): Promise<void> {
  if (options.timing) {
    await import('./timing.ts').then(({ compareTimes }) => compareTimes())
    return
  }
  const { runParts } = await import('./run-parts.ts')
  const { asText } = await import('./report/show-table.ts')
  console.log(asText(await runParts(options)))
}
