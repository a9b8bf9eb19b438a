import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import pLimit from 'p-limit'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import { type Outcome, runFault } from './run-fault.ts'
import { markdownOf, tableOf } from './table.ts'

const USAGE = `npm run test:chaos -- --long [options] [beginnings of names]

  --seed N   the same harm as in the run with that seed
  --short    the short form that npm run test:chaos runs
  --markdown the table as it stands in docs/reliability.md
  --list     the names of all faults
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    short: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})
const AT_ONCE = 3
const seed = Number(values.seed ?? randomInt(1_000_000))
const isChosen = ({ name }: Fault) =>
  positionals.length === 0 || positionals.some((beginning) => name.startsWith(beginning))
const chosen = faults.filter((fault) => isChosen(fault) && !(values.short && fault.isLong === true))

// Every process that is started is guarded until this one ends.
process.setMaxListeners(0)
// So that the processes and folders of a run that is stopped go with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

if (values.help) console.log(USAGE)
else if (values.list) console.log(faults.map(({ name }) => name).join('\n'))
else if (chosen.length === 0 || !Number.isSafeInteger(seed)) {
  console.error(USAGE)
  process.exitCode = 2
} else await runAll()

// Some at a time: they wait more than they work, and each has a world of its own.
async function runAll(): Promise<void> {
  const startedAt = Date.now()
  console.log(`seed ${seed}: ${chosen.length} faults`)
  const limit = pLimit(AT_ONCE)
  const outcomes = await Promise.all(chosen.map((fault) => limit(runOne, fault)))
  console.log((values.markdown ? markdownOf : tableOf)(chosen, outcomes))
  const failed = outcomes.filter(({ type }) => type === 'broken' || type === 'failed').length
  const skipped = outcomes.filter(({ type }) => type === 'skipped').length
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  console.log(
    `seed ${seed}: ${chosen.length - failed - skipped} held, ${failed} failed, ${skipped} skipped, ${seconds} s`
  )
  if (failed > 0) console.log(`again: npm run test:chaos -- --long --seed ${seed}`)
  // Whatever a fault has left open must not keep the command from ending.
  process.exit(failed > 0 ? 1 : 0)
}

async function runOne(fault: Fault): Promise<Outcome> {
  const startedAt = Date.now()
  const outcome = await runFault(fault, { seed, isShort: values.short })
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  const why = 'why' in outcome ? `: ${outcome.why}` : ''
  console.log(`${outcome.type.padEnd(7)} ${fault.name} (${seconds} s)${why}`)
  return outcome
}
