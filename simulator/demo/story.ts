import { crash } from './crash.ts'
import type { Observer } from './observer.ts'
import { fourHours, rows, type Row } from './rows.ts'
import type { Screen } from './screen.ts'
import { isAtRest, type Sight } from './sight.ts'
import type { Stage } from './stage.ts'

/** Who plays, and whether the service is to be killed meanwhile. */
export interface StoryDeps {
  readonly stage: Stage
  readonly observer: Observer
  readonly screen: Screen
  readonly crash: boolean
}

/** What was seen in the course of the story. */
export interface Played {
  readonly sights: readonly Sight[]
  /** Whether a request was seen parked, how many a dry run found, and how many were released. */
  readonly parked: { readonly seen: boolean; readonly found: number; readonly released: number }
  /** How many results came on the queue, whatever they belong to. */
  readonly results: number
  /** The requests that had not ended when the service was killed; none where it wasn't. */
  readonly inFlight: ReadonlySet<Row>
}

const ASK_EVERY_MS = 250
const PARKED_WITHIN_MS = 15_000
const AT_REST_WITHIN_MS = 40_000
/** Long enough for a person to see it. */
const SHOWN_FOR_MS = 2000
/** Whatever comes twice comes within this. */
const AFTERMATH_MS = 1000

/** Asks for everything, releases what is parked, and looks until all is at rest. */
export async function play({ stage, observer, screen, ...wanted }: StoryDeps): Promise<Played> {
  for (const row of rows) {
    await observer.ask(row)
    await observer.linger(ASK_EVERY_MS)
  }
  const seen = await observer.until(() => observer.sights.some(isParked), PARKED_WITHIN_MS)
  for (const sight of observer.sights.filter(isWaiting)) screen.say(dueInWords(sight))
  await observer.linger(SHOWN_FOR_MS)
  const inFlight = wanted.crash ? await crash(stage, observer, screen) : new Set<Row>()
  const { found, released } = await notify(stage, observer, screen)

  await observer.until(() => observer.sights.every(isAtRest), AT_REST_WITHIN_MS)
  await observer.linger(AFTERMATH_MS)
  const results = stage.consumer.results.length
  return { sights: observer.sights, parked: { seen, found, released }, results, inFlight }
}

/** The cause is gone: a dry run says what that would release, and then it is released. */
async function notify({ operator }: Stage, observer: Observer, { say }: Screen) {
  const notification = { code: 'I001' }
  const { matched: found } = await operator.notify({ ...notification, dryRun: true })
  say(`notification that I001 is over, as a dry run: finds ${found} parked, releases none`)
  await observer.linger(SHOWN_FOR_MS)
  const { released } = await operator.notify(notification)
  say(`notification that I001 is over: releases ${released}`)
  return { found, released }
}

function isWaiting({ view }: Sight): boolean {
  return view?.reason === 'wait-4-hours'
}

function dueInWords({ row, view }: Sight): string {
  return `${row.label}: due at ${view?.dueAt ?? 'no instant'}, never earlier (4 h are ${fourHours})`
}

function isParked({ view }: Sight): boolean {
  return view?.state === 'parked'
}
