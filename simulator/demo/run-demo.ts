import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startConsumer } from '../consumer.ts'
import { cutOff, type DemoRequest, usual } from './demo-requests.ts'
import { createObserver } from './observer.ts'
import { type Flags, joinParts, type Setup, startParts } from './parts.ts'
import { play } from './play.ts'
import { openScreen } from './screen.ts'
import { mistakesOf, summaryOf } from './summary.ts'
import { tryIt, welcome } from './try-it.ts'

// For the page: these wait for somebody.
const waiting = ['1106', '1107', '1108', '1111']

/** Runs the demo and ends all that it has started; resolves with the exit code. */
export async function runDemo(flags: Flags): Promise<number> {
  // With a text as its reason where somebody ends the demo; the second time, the process exits at once.
  const stop = new AbortController()
  const isWanted = (reason: unknown) => typeof reason === 'string'
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (isWanted(stop.signal.reason)) process.exit(130)
      stop.abort(`stopped by ${signal}`)
    })
  }
  const folder = mkdtempSync(join(tmpdir(), 'khipu-demo-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  const { say, show } = openScreen(process.stdout)
  const setup: Setup = { ...flags, folder, stop, say, ends: [] }
  const fail = (reason: unknown) => {
    console.error(isWanted(reason) ? reason : `the demo failed: ${(reason as Error).message}`)
    return isWanted(reason) ? 130 : 1
  }
  let code = await perform(setup, show).catch((error: unknown) =>
    fail(stop.signal.aborted ? stop.signal.reason : error)
  )
  // Each of them, even if another can't be ended.
  for (const end of setup.ends.toReversed()) await end().catch((error) => (code = fail(error)))
  const log = join(folder, 'service.log')
  if (code === 1 && existsSync(log)) {
    process.off('exit', removeFolder)
    const lines = readFileSync(log, 'utf8').trim().split('\n').slice(-5)
    console.error([`the service's log is kept in ${log} and ends with:`, ...lines].join('\n  '))
  }
  return code
}

async function perform(setup: Setup, show: (all: DemoRequest[]) => void): Promise<number> {
  const { join: joined, say, stop, ends, crash, keep, folder } = setup
  const parts = await (joined ? joinParts(joined, process.env) : startParts(setup))
  let isOver = false
  const consumer = startConsumer({ ...parts, log: (line) => isOver && console.log(line) })
  ends.push(() => consumer.close())
  say(welcome(parts))
  const requests = crash ? [...usual, ...cutOff] : usual
  const observer = createObserver(parts, consumer, requests, show, stop.signal)
  const played = await play(observer, parts, setup)
  isOver = true
  const mistakes = mistakesOf(played, parts.fourHours)
  console.log(summaryOf(played, mistakes))
  if (keep) {
    for (const name of waiting) await observer.ask(`${name}-9001`, 'waits for you')
    console.log(tryIt(parts, requests[0]?.requestId, folder))
    if (!stop.signal.aborted) await once(stop.signal, 'abort')
    if (typeof stop.signal.reason !== 'string') throw stop.signal.reason
  }
  return mistakes.length === 0 ? 0 : 1
}
