import type { Observer } from './observer.ts'
import { crashRows, type Row } from './rows.ts'
import type { Screen } from './screen.ts'
import { hasEnded, isAtRest, type Sight } from './sight.ts'
import type { Stage } from './stage.ts'

const READY_TO_DIE_WITHIN_MS = 10_000
/** Longer than a callback takes: those that come meanwhile find nobody, and Khipu may not repeat them. */
const DEAD_FOR_MS = 1500

/** Kills the service with requests in every state and starts it again; resolves with those in flight. */
export async function crash({ service }: Stage, observer: Observer, screen: Screen) {
  if (service === null) throw new Error('only a service of its own can be killed by the demo')
  // What comes twice, or is kept in quarantine, is seen before: a lost callback can be neither.
  await observer.until(() => observer.sights.every(mayBeCutOff), READY_TO_DIE_WITHIN_MS)
  for (const row of crashRows.slice(0, -1)) await observer.ask(row)
  await observer.until(() => observer.sights.some(isBeingSent), READY_TO_DIE_WITHIN_MS)
  for (const row of crashRows.slice(-1)) await observer.ask(row)

  const inFlight = new Set<Row>(observer.sights.flatMap((one) => (hasEnded(one) ? [] : [one.row])))
  const { pid } = service
  await service.kill()
  screen.say(`service (process ${pid}) killed with SIGKILL, ${inFlight.size} requests in flight;`)
  screen.say('  those marked † were asked a moment before')
  await observer.linger(DEAD_FOR_MS)
  await service.start()
  screen.say(`service started again (process ${service.pid})`)
  return inFlight
}

function mayBeCutOff(sight: Sight): boolean {
  const { duplicates, quarantined } = sight.row
  return duplicates + quarantined === 0 || isAtRest(sight)
}

/** True while Khipu has the request and has not answered the POST. */
function isBeingSent({ row, view, calls }: Sight): boolean {
  return row.scenario.name === 'slow-answer' && view?.state === 'sending' && calls.length > 0
}
