import { once } from 'node:events'
import { openBackstage, type Backstage } from './demo/backstage.ts'
import { readFlags, usage, type Flags } from './demo/command-line.ts'
import { Interrupted, listenForTheEnd } from './demo/end-signal.ts'
import { createObserver } from './demo/observer.ts'
import { openScreen } from './demo/open-screen.ts'
import { joinStage } from './demo/joined-stage.ts'
import { crashRows, fourHours, rows } from './demo/rows.ts'
import type { Screen } from './demo/screen.ts'
import { callbackTimeout } from './demo/service-environment.ts'
import { type Places, setStage } from './demo/stage.ts'
import { play } from './demo/story.ts'
import { summaryOf } from './demo/summary.ts'
import { tryout } from './demo/tryout.ts'
import { faultsOf } from './demo/verdict.ts'

const flags = readFlags(process.argv.slice(2))
if (flags.faults.length > 0) refuse(flags.faults)
else if (flags.help) console.log(usage)
else process.exitCode = await demonstrate(flags)

/** The whole demo, cleaned up behind itself; resolves with the exit code. */
async function demonstrate(wanted: Flags): Promise<number> {
  const end = listenForTheEnd()
  const screen = await openScreen(process.stdout)
  const backstage = await openBackstage()
  let code = await perform(wanted, { end, screen, backstage }).catch((error: unknown) => {
    screen.end()
    return explain(end.signal.aborted ? end.signal.reason : error, backstage)
  })
  for (const error of await backstage.clear()) code = explain(error, backstage)
  return code
}

interface Around {
  readonly end: AbortController
  readonly screen: Screen
  readonly backstage: Backstage
}

async function perform({ crash, keep, join }: Flags, around: Around): Promise<number> {
  const { end, screen, backstage } = around
  const { signal } = end
  let isOver = false
  const settings = {
    backstage,
    signal,
    died: (error: Error) => end.abort(error),
    log: screen.say,
    resultLog: (line: string) => isOver && console.log(line)
  }
  const stage = join === null ? await setStage(settings) : await joinStage(join, settings)
  screen.say(welcome(stage.places))
  const cast = crash ? [...rows, ...crashRows] : rows
  const observer = createObserver({ stage, screen, rows: cast, signal })
  const played = await play({ stage, observer, screen, crash })
  screen.end()
  isOver = true
  console.log(summaryOf(played, performance.now()))
  const faults = faultsOf(played)
  if (faults.length > 0) console.log(backstage.keepLog())
  if (keep) {
    console.log(tryout(stage.places, played.sights[0]?.view?.requestId ?? ''))
    if (!signal.aborted) await once(signal, 'abort')
    if (!(signal.reason instanceof Interrupted)) throw signal.reason
  }
  return faults.length === 0 ? 0 : 1
}

function welcome({ publicUrl, adminUrl, khipuUrl, redis }: Places): string {
  return [
    'khipu-receiver at work, between a simulated Khipu and a simulated consumer',
    `  service  ${publicUrl === null ? '' : `${publicUrl} public, `}${adminUrl} operators`,
    `  Khipu    ${khipuUrl}, simulated`,
    `  Redis    ${redis}`,
    `  delays   4 h are ${fourHours} here; a callback is awaited for ${callbackTimeout}`,
    ''
  ].join('\n')
}

function refuse(faults: readonly string[]): void {
  console.error(['the demo can not start:', ...faults].join('\n  '))
  console.error('see npm run demo -- --help')
  process.exitCode = 2
}

/** Says what went wrong, and what to look at; returns the exit code. */
function explain(reason: unknown, backstage: Backstage): number {
  if (reason instanceof Interrupted) {
    console.error(reason.message)
    return 130
  }
  console.error(`the demo failed: ${reason instanceof Error ? reason.message : String(reason)}`)
  console.error(backstage.keepLog())
  return 1
}
