import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Told } from '../ledger-model/run.ts'
import type { Fault, Figures, Run } from './fault.ts'

/** All of it at once, at every command, by a clock that is moved: `test/chaos/ledger-model.test.ts`, for longer. */
export const modelFaults: readonly Fault[] = [
  // Its short form is a test of its own.
  { name: 'model on the real ledger', isLong: true, run: tellStories }
]

const MAIN = fileURLToPath(new URL('../ledger-model/main.ts', import.meta.url))
const STORIES = 200
/** The states and the reasons that so many stories come by. */
const MUST_MEET: readonly string[] = [
  ...['queued', 'sending', 'awaiting-callback', 'delivered', 'failed', 'cancelled', 'parked'],
  ...['retry-scheduled', 'retry-immediately', 'wait-4-hours', 'retry-after-notification'],
  ...['temporary', 'ambiguous', 'no-callback', 'do-not-retry', 'rejected', 'retries-exhausted'],
  ...['expired', 'parked-too-long', 'unknown-type', 'unauthorized', 'credentials', 'account-busy']
]

/** In a process of its own, for it moves the clock. What breaks a promise makes it fail, and is shown. */
async function tellStories({ chance, isShort }: Run): Promise<Figures> {
  const seed = chance.between(1, 1_000_000)
  const runs = isShort ? 20 : STORIES
  const args = [MAIN, '--seed', String(seed), '--runs', String(runs)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const told = JSON.parse(stdout) as Omit<Told, 'met'> & { met: readonly string[] }
  const { requests, acknowledged, harm, results, steps, posts, late, met } = told
  const missed = isShort ? [] : MUST_MEET.filter((word) => !met.includes(word))
  if (missed.length > 0) throw new Error(`no story has met ${missed.join(', ')}`)
  return {
    requests,
    acknowledged,
    kills: harm,
    results,
    // Each story ends with a look at all of these, and any but 0 ends the run.
    lost: 0,
    doubled: 0,
    stuck: 0,
    extraSends: 0,
    remark: `${runs} stories of ${steps} steps and ${posts} POSTs; an operator let ${late} late results through`
  }
}
