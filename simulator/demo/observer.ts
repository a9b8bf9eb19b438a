import { setTimeout as pause } from 'node:timers/promises'
import type { RequestView } from './operator.ts'
import type { Row } from './rows.ts'
import type { Screen } from './screen.ts'
import type { Sight } from './sight.ts'
import type { Stage } from './stage.ts'

/** Asks for things, and looks at what becomes of them, showing it as it goes. */
export interface Observer {
  /** What was seen at the last look, in the order of the rows. */
  readonly sights: readonly Sight[]
  /** Sends the request of a row, under an account number of its own. */
  ask(row: Row): Promise<void>
  look(): Promise<void>
  /** Looks until the condition holds, for so long at the most; says whether it does. */
  until(holds: () => boolean, withinMs: number): Promise<boolean>
  /** Looks for so long. */
  linger(ms: number): Promise<void>
}

/** What the observer looks at, and where it shows it. */
export interface ObserverDeps {
  readonly stage: Stage
  readonly screen: Screen
  readonly rows: readonly Row[]
  readonly signal: AbortSignal
}

const LOOK_EVERY_MS = 150

/** An observer that has seen nothing yet. */
export function createObserver({ stage, screen, rows, signal }: ObserverDeps): Observer {
  const asked = new Map<Row, { account: string; requestId: string | null }>()
  let sights = rows.map(unseen)

  return {
    get sights() {
      return sights
    },
    ask,
    look,
    until,
    linger: async (ms) => void (await until(() => false, ms))
  }

  async function ask(row: Row): Promise<void> {
    const account = `${row.scenario.prefix}-${String(asked.size + 1).padStart(4, '0')}`
    const request = { account, requestId: null as string | null }
    asked.set(row, request)
    request.requestId = await stage.operator.ask(account, `demo: ${row.label}`)
  }

  async function look(): Promise<void> {
    signal.throwIfAborted()
    // A service that was killed has nothing to say; what the others saw is still news.
    const told = (stage.service?.isReady ?? true) ? await listen(stage) : null
    await stage.khipu.refresh()
    sights = sights.map((sight) => seen(sight, told))
    screen.show(sights)
  }

  async function until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs
    for (;;) {
      await look()
      if (holds()) return true
      if (performance.now() > deadline) return false
      await pause(LOOK_EVERY_MS, undefined, { signal })
    }
  }

  function seen(before: Sight, told: Told | null): Sight {
    const request = asked.get(before.row)
    if (request === undefined) return before
    const { account, requestId } = request
    const { view, quarantined } = before
    return {
      row: before.row,
      view: told === null ? view : (told.views.find((one) => one.requestId === requestId) ?? view),
      quarantined: told === null ? quarantined : told.kept.filter((id) => id === requestId).length,
      results: stage.consumer.results.filter((result) => result.requestId === requestId),
      calls: stage.khipu.calls.filter((call) => call.account === account),
      callbacks: stage.khipu.callbacks.filter((callback) => callback.account === account)
    }
  }
}

/** What the service tells about all requests. */
interface Told {
  readonly views: readonly RequestView[]
  readonly kept: readonly string[]
}

async function listen({ operator }: Stage): Promise<Told> {
  const [views, kept] = await Promise.all([operator.list(), operator.quarantine()])
  return { views, kept }
}

function unseen(row: Row): Sight {
  return { row, view: null, results: [], calls: [], callbacks: [], quarantined: 0 }
}
