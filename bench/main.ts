import { type Options, readOptions, USAGE } from './options.ts'

// One exit handler per process that was started, and Node warns from ten on.
process.setMaxListeners(0)
// Exit handlers end whatever was started.
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
  process.exit(1)
}

async function run(options: Options): Promise<void> {
  if (options.alone === 'timing') {
    await import('./timing.ts').then(({ compareTimes }) => compareTimes())
    return
  }
  const { asText } = await import('./report/show-table.ts')
  if (options.alone === 'memory') {
    const { measureStages } = await import('./parts/stages.ts')
    console.log(asText(await measureStages()))
    return
  }
  if (options.alone === 'queries') {
    const { measureQueries } = await import('./parts/queries.ts')
    console.log(asText(await measureQueries()))
    return
  }
  if (options.quick) {
    const { compareTrees } = await import('./quick/compare-trees.ts')
    const { against = 'HEAD~1', rounds = 3, seconds = 0.7 } = options
    console.log(asText(await compareTrees(against, { rounds, seconds })))
    return
  }
  const { runParts } = await import('./run-parts.ts')
  const results = await runParts(options)
  if (options.write) await import('./report/page.ts').then(({ writePage }) => writePage(results))
  else console.log(asText(results))
}
