import { crashRequests, demoRequests } from './demo-requests.ts'
import { hasEnded, isComplete, type Observer } from './observer.ts'
import type { Service } from './service.ts'

/** What the course of the demo needs. */
export interface PlayDeps {
  readonly observer: Observer
  readonly say: (text: string) => void
  /** Killed on the way; null where none is to be. */
  readonly crashing: Service | null
  readonly fourHours: string
  readonly fast: boolean
}

/** What was seen on the way. */
export type Played = Awaited<ReturnType<typeof play>>

/** Sends all requests, releases what is parked, and observes until all are complete. */
export async function play(deps: PlayDeps) {
  const { observer, say, crashing, fourHours } = deps
  for (const request of demoRequests) {
    await observer.send(request)
    await watch(deps, 250)
  }
  const isOneParked = () => observer.all.some(({ view }) => view?.state === 'parked')
  const wasParked = await observer.until(isOneParked, 15_000)
  for (const { label, view } of observer.all.filter((one) => one.view?.reason === 'wait-4-hours'))
    say(`${label}: due at ${view?.dueAt}, never earlier (4 h are ${fourHours})`)
  await watch(deps, 2000)
  const inFlight = crashing === null ? [] : await crash(deps, crashing)

  const { matched } = await observer.notify({ dryRun: true })
  say(`notification that I001 is over, as a dry run: finds ${matched} parked, releases none`)
  await watch(deps, 2000)
  const { released } = await observer.notify({})
  say(`notification that I001 is over: releases ${released}`)
  await observer.until(() => observer.all.every(isComplete), 40_000)
  // What comes twice would come within this.
  await watch(deps, 1000)
  return { wasParked, matched, released, inFlight }
}

/** For so long, or a quarter of it. */
async function watch({ observer, fast }: PlayDeps, ms: number): Promise<void> {
  await observer.until(() => false, fast ? ms / 4 : ms)
}

/** Kills the service with requests in every state, and starts it; resolves with the labels of those in flight. */
async function crash(deps: PlayDeps, service: Service): Promise<readonly string[]> {
  const { say, observer } = deps
  const { all, until, send } = observer
  // Duplicates and quarantine come before: Khipu may not repeat a callback that is lost.
  const special = all.filter(({ expected }) => expected.duplicates + expected.quarantined > 0)
  await until(() => special.every(isComplete), 10_000)
  for (const request of crashRequests.slice(0, -1)) await send(request)
  const slow = all.find(({ scenario }) => scenario.name === 'slow-answer')
  // Khipu has it, and has not answered the POST.
  await until(() => slow?.view?.state === 'sending' && slow.calls.length > 0, 10_000)
  for (const request of crashRequests.slice(-1)) await send(request)

  const inFlight = all.filter((one) => !hasEnded(one)).map(({ label }) => label)
  const pid = service.pid()
  await service.end('SIGKILL')
  say(`service (process ${pid}) killed with SIGKILL, ${inFlight.length} requests in flight;`)
  say('  those marked † were sent a moment before')
  // Longer than a callback takes: those of this time get no answer.
  await watch(deps, 1500)
  await service.start()
  say(`service started again (process ${service.pid()})`)
  return inFlight
}
