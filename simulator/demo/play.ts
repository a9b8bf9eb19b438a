import { cutOff, hasEnded, isComplete, usual } from './demo-requests.ts'
import type { Observer } from './observer.ts'
import type { Parts, Setup } from './parts.ts'

/** What was seen: of the requests, by the notification, in flight at the crash (labels), and on the result queue. */
export type Played = Awaited<ReturnType<typeof play>>

/** Sends all requests, releases what is parked, and observes until all are complete. */
export async function play(observer: Observer, { service, fourHours }: Parts, setup: Setup) {
  const { requests, send, notify, until } = observer
  const { say, crash, fast } = setup
  const watch = (ms: number) => until(() => false, fast ? ms / 4 : ms)
  for (const request of usual) {
    await send(request)
    await watch(250)
  }
  await until(() => requests.some(({ view }) => view?.state === 'parked'), 15_000)
  for (const { label, view } of requests.filter((one) => one.view?.reason === 'wait-4-hours'))
    say(`${label}: due at ${view?.dueAt}, never earlier (4 h are ${fourHours})`)
  await watch(2000)
  const inFlight = crash ? await killAndStart() : []

  const { matched } = await notify({ dryRun: true })
  say(`notification that I001 is over, as a dry run: finds ${matched} parked, releases none`)
  await watch(2000)
  const { released } = await notify({})
  say(`notification that I001 is over: releases ${released}`)
  await until(() => requests.every(isComplete), 40_000)
  // What comes twice would come within this.
  await watch(1000)
  return { requests, inFlight, matched, released, results: observer.countResults() }

  /** Kills the service with requests in every state, and starts it; resolves with the labels of those in flight. */
  async function killAndStart(): Promise<readonly string[]> {
    // Duplicates and quarantine come before: Khipu may not repeat a callback that is lost.
    const special = usual.filter(({ expected }) => expected.duplicates + expected.quarantined > 0)
    await until(() => special.every(isComplete), 10_000)
    for (const request of cutOff.slice(0, -1)) await send(request)
    const slow = cutOff.find(({ scenario }) => scenario.name === 'slow-answer')
    // Khipu has it, and has not answered the POST.
    await until(() => slow?.view?.state === 'sending' && slow.calls.length > 0, 10_000)
    for (const request of cutOff.slice(-1)) await send(request)

    const labels = requests.filter((one) => !hasEnded(one)).map(({ label }) => label)
    say(
      `service (process ${service?.pid()}) killed with SIGKILL, ${labels.length} requests in flight;`
    )
    say('  those marked † were sent a moment before')
    await service?.end('SIGKILL')
    // Longer than a callback takes: those of this time get no answer.
    await watch(1500)
    await service?.start()
    say(`service started again (process ${service?.pid()})`)
    return labels
  }
}
