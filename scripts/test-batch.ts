import { pathToFileURL } from 'node:url'
import t from 'tap'

// Runs the test files that FILES names one after the other, and says in its TAP when each has ended.

type Teardown = () => unknown

const files = JSON.parse(process.env['FILES'] ?? '[]') as string[]
const teardowns: Teardown[] = []
// tap would do it at the end of the process, and would end the process in a pause between two files.
t.teardown = (teardown: Teardown) => void teardowns.push(teardown)

for (const file of files) {
  const startedAt = performance.now()
  try {
    await import(pathToFileURL(file).href)
    if (!t.idle) await new Promise<void>((resolve) => t.once('idle', resolve))
    for (const teardown of teardowns.splice(0).toReversed()) await teardown()
  } catch (error) {
    t.fail(`${file} can't be loaded, or can't tidy up`, { cause: error })
  }
  t.jobs = 1
  t.comment(`file-ended-after=${Math.round(performance.now() - startedAt)}`)
}
