import type { Check } from './check.ts'
import { composeChecks } from './compose-file.ts'
import { harmChecks } from './harm.ts'
import { imageChecks } from './image.ts'
import { insideChecks } from './inside.ts'
import { rollingChecks } from './rolling.ts'
import { openSite, type Site } from './site.ts'
import { startChecks } from './start.ts'

const all: readonly Check[] = [
  ...composeChecks,
  ...imageChecks,
  ...startChecks,
  ...insideChecks,
  ...harmChecks,
  ...rollingChecks
]

const beginnings = process.argv.slice(2)
const chosen = all.filter(
  ({ name, isNeeded }) =>
    isNeeded === true || beginnings.length === 0 || beginnings.some((one) => name.startsWith(one))
)

const site = await openSite()
let isStopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Ctrl-C arrives twice: from the terminal, and from whoever started this.
  process.on(signal, () => {
    if (!isStopped) console.log(`stopped by ${signal}: clearing up after the check that runs`)
    isStopped = true
  })
}
try {
  process.exitCode = await runChecks(site)
} finally {
  await site.close()
}
// The crowd of a check that has failed would go on asking.
process.exit()

/** One after another, for each builds on what is there; resolves with the exit code. */
async function runChecks(site: Site): Promise<number> {
  let passed = 0
  const failed: string[] = []
  for (const { name, run, isNeeded } of chosen) {
    if (isStopped) break
    const startedAt = performance.now()
    const fault = await run(site).then(
      (seen) => {
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
        console.log(`ok    ${name}: ${seen} (${seconds} s)`)
      },
      (error: Error) => error
    )
    if (fault === undefined) passed += 1
    else {
      failed.push(name)
      console.log(`FAIL  ${name}: ${fault.message}`)
      if (isNeeded) break
    }
  }
  console.log(`\n${passed} passed, ${failed.length} failed`)
  return failed.length > 0 || isStopped ? 1 : 0
}
