import type { Change, EventLog } from './event-log.ts'

/** A change, and the place in all parts of the ledger from which reading goes on behind it. */
export type PlacedChange = Change & { readonly place: string }

/** The events of all parts of the ledger. A place is `<part>:<id>`, with commas between the parts. */
export interface Events {
  /** The place behind the newest events. */
  end(): Promise<string>
  /** Whether a text is a place, and no event behind it has been deleted. */
  canReadBehind(place: string): Promise<boolean>
  readBehind(place: string): Promise<readonly PlacedChange[]>
}

export function joinEvents(logs: readonly EventLog[]): Events {
  return {
    async end() {
      return writePlace(await Promise.all(logs.map((log) => log.end())))
    },

    async canReadBehind(place) {
      const ids = readPlace(place, logs.length)
      if (ids === null) return false
      const all = await Promise.all(logs.map((log, part) => log.hasAllBehind(ids[part] ?? '0-0')))
      return all.every(Boolean)
    },

    async readBehind(place) {
      const ids = [...(readPlace(place, logs.length) ?? [])]
      const read = await Promise.all(
        logs.map(async (log, part) => {
          const changes = await log.readBehind(ids[part] ?? '0-0')
          return changes.map((change) => ({ ...change, part }))
        })
      )
      // Each part is in order already.
      const merged = read.flat().toSorted((one, other) => one.at - other.at)
      return merged.map(({ part, place: id, ...change }) => {
        ids[part] = id
        return { ...change, place: writePlace(ids) }
      })
    }
  }
}

function writePlace(ids: readonly string[]): string {
  return ids.map((id, part) => `${part}:${id}`).join(',')
}

function readPlace(place: string, count: number): readonly string[] | null {
  const parts = place.split(',')
  const ids = parts.flatMap((text, part) => {
    const [, number, id = ''] = /^(\d+):(\d+-\d+)$/.exec(text) ?? []
    return Number(number) === part ? [id] : []
  })
  return ids.length === count && parts.length === count ? ids : null
}
