import type { Logger } from 'pino'
import type { Events, PlacedChange } from '../ledger/events/joined-events.ts'

/** Somebody who listens to events. `place` is where it has read to. */
interface Listener {
  place: string
  readonly hear: (changes: readonly PlacedChange[]) => void
}

/** The events of the ledger for all who listen in this process. */
export interface EventFeed {
  /** Where the events are read to. */
  end(): Promise<string>
  canReadBehind(place: string): Promise<boolean>
  /** Passes on what happens behind a place. Returns a function that ends it; null if too many listen. */
  listen(place: string, hear: Listener['hear']): (() => void) | null
}

export const MOST_LISTENERS = 100
const READ_EVERY_MS = 500

/**
 * Reads events twice a second while somebody listens. Listeners that have read equally far share what is read. No
 * connection waits in Redis, so nothing delays the end of the process.
 */
export function createEventFeed(events: Events, log: Logger): EventFeed {
  const listeners = new Set<Listener>()
  let timer: NodeJS.Timeout | undefined

  async function readAll(): Promise<void> {
    const reads = new Map<string, Promise<readonly PlacedChange[]>>()
    await Promise.all(
      [...listeners].map(async (listener) => {
        const { place } = listener
        const reading = reads.get(place) ?? events.readBehind(place)
        reads.set(place, reading)
        const changes = await reading
        const last = changes.at(-1)
        if (last === undefined || !listeners.has(listener)) return
        listener.place = last.place
        listener.hear(changes)
      })
    )
  }

  function schedule(): void {
    timer = setTimeout(() => {
      readAll()
        .catch((error: unknown) => {
          const name = error instanceof Error ? error.name : 'unknown'
          log.debug({ error: name }, 'events not read')
        })
        .finally(() => {
          timer = undefined
          if (listeners.size > 0) schedule()
        })
    }, READ_EVERY_MS).unref()
  }

  return {
    end: () => events.end(),
    canReadBehind: (place) => events.canReadBehind(place),
    listen(place, hear) {
      if (listeners.size >= MOST_LISTENERS) return null
      const listener = { place, hear }
      listeners.add(listener)
      if (timer === undefined) schedule()
      return () => void listeners.delete(listener)
    }
  }
}
