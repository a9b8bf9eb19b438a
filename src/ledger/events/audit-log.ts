import type { Store } from '../store.ts'

/** What somebody changed or saw. It has no secret, no account number and no body. */
export interface AuditEntry {
  /** The name of the token. */
  readonly by: string
  /** What was done, e.g. `request-retried`. */
  readonly action: string
  /** What it was done to: the id of a request, of a kept body or of an operation; null for many. */
  readonly target: string | null
  /** What else is to be known, as text. */
  readonly detail: string | null
}

export interface RecordedEntry extends AuditEntry {
  /** The place of the entry in the list of one part of the ledger. */
  readonly place: string
  /** Redis's clock, in ms since 1970. */
  readonly at: number
}

/** The values that entries must have; null for any. */
export type AuditFilter = Readonly<Record<'by' | 'action' | 'target', string | null>>

export interface AuditPage {
  readonly items: readonly RecordedEntry[]
  /** The place behind which the next page starts; null on the last page. */
  readonly next: string | null
}

/** Who changed or saw what, in the order of Redis. */
export interface AuditLog {
  record(entry: AuditEntry): Promise<void>
  /** The matching entries behind a place, newest first. A page without a match may have a next one. */
  list(filter: AuditFilter, behind: string | null, limit: number): Promise<AuditPage>
}

/** How many entries one page reads. */
const MOST_READ = 1000

export function createAuditLog({ redis, key, scripts }: Store, retentionMs: number): AuditLog {
  const name = key('audit')
  return {
    async record({ by, action, target, detail }) {
      const oldest = Math.max(0, (await scripts.now()) - retentionMs)
      const fields = { by, action, target: target ?? '', detail: detail ?? '' }
      await redis.xadd(name, 'MINID', '~', oldest, '*', ...Object.entries(fields).flat())
    },

    async list(filter, behind, limit) {
      const from = behind === null ? '+' : `(${behind}`
      const read = await redis.xrevrange(name, from, '-', 'COUNT', MOST_READ)
      const items: RecordedEntry[] = []
      for (const [place, [, by = '', , action = '', , target = '', , detail = '']] of read) {
        const at = Number(place.split('-')[0])
        const entry = {
          place,
          at,
          by,
          action,
          target: textOrNull(target),
          detail: textOrNull(detail)
        }
        if (isAskedFor(entry, filter)) items.push(entry)
        if (items.length === limit) return { items, next: place }
      }
      return { items, next: read.length < MOST_READ ? null : (read.at(-1)?.[0] ?? null) }
    }
  }
}

function textOrNull(text: string): string | null {
  return text === '' ? null : text
}

function isAskedFor(entry: AuditEntry, { by, action, target }: AuditFilter): boolean {
  return (
    (by === null || entry.by === by) &&
    (action === null || entry.action === action) &&
    (target === null || entry.target === target)
  )
}
