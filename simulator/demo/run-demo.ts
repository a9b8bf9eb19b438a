import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startConsumer } from '../consumer.ts'
import { crashRequests, demoRequests } from './demo-requests.ts'
import { createObserver } from './observer.ts'
import { joinParts, type Setup, startParts } from './parts.ts'
import { play } from './play.ts'
import { openScreen } from './screen.ts'
import { summarize } from './summary.ts'
import { tryIt, welcome } from './try-it.ts'

/** What the command line asks of the demo. */
export interface Flags {
  readonly crash: boolean
  readonly fast: boolean
  readonly keep: boolean
  /** The operator API of a service that runs already; by default the demo starts one. */
  readonly join?: string
}

/** Runs the demo and ends all that it has started; resolves with the exit code. */
export async function runDemo(flags: Flags): Promise<number> {
  const stop = stopOnSignals()
  const folder = mkdtempSync(join(tmpdir(), 'khipu-demo-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  const ends: Setup['ends'] = []
  const { say, show } = openScreen(process.stdout)
  const setup = { folder, fast: flags.fast, stop, say, ends }
  let code = await perform(flags, setup, show).catch((error: unknown) =>
    fail(stop.signal.aborted ? stop.signal.reason : error)
  )
  // Each of them, even if another can't be ended.
  for (const end of ends.toReversed()) await end().catch((error: unknown) => (code = fail(error)))
  const log = join(folder, 'service.log')
  if (code === 1 && existsSync(log)) {
    process.off('exit', removeFolder)
    const lines = readFileSync(log, 'utf8').trim().split('\n').slice(-5)
    console.error([`the service's log is kept in ${log} and ends with:`, ...lines].join('\n  '))
  }
  return code
}

async function perform(flags: Flags, setup: Setup, show: ReturnType<typeof openScreen>['show']) {
  const { crash, fast, keep, join: joined } = flags
  const { stop, say, ends } = setup
  const parts = joined ? await joinParts(joined, process.env) : await startParts(setup)
  let isOver = false
  const consumer = startConsumer({ ...parts, log: (line) => isOver && console.log(line) })
  ends.push(() => consumer.close())
  say(welcome(parts))

  const { service, fourHours } = parts
  const requests = crash ? [...demoRequests, ...crashRequests] : demoRequests
  const observer = createObserver(parts, consumer, requests, show, stop.signal)
  const played = await play({ observer, say, crashing: crash ? service : null, fourHours, fast })
  isOver = true
  const { text, mistakes } = summarize(played, observer.all, consumer.results.length, fourHours)
  console.log(text)
  if (keep) {
    console.log(tryIt(parts, observer.all[0]?.requestId, setup.folder))
    if (!stop.signal.aborted) await once(stop.signal, 'abort')
    if (!(stop.signal.reason instanceof Interrupted)) throw stop.signal.reason
  }
  return mistakes.length === 0 ? 0 : 1
}

/** Somebody wants the demo to end early. */
class Interrupted extends Error {}

/** Says why the demo ends early; returns the exit code. */
function fail(reason: unknown): number {
  const { message } = reason as Error
  console.error(reason instanceof Interrupted ? message : `the demo failed: ${message}`)
  return reason instanceof Interrupted ? 130 : 1
}

/** Aborted by Ctrl-C and its like; the second time, the process exits at once. */
function stopOnSignals(): AbortController {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.reason instanceof Interrupted) process.exit(130)
      controller.abort(new Interrupted(`stopped by ${signal}`))
    })
  }
  return controller
}
