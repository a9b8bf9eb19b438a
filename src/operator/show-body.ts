import type { StoredBody } from '../ledger/stored-body.ts'
import type { QuarantineEntry } from '../schemas/generated.ts'

/** Makes the JSON of a quarantine entry with its body in base64. For a large body this runs off the event loop. */
export type Show = (entry: QuarantineEntry, kept: StoredBody) => Promise<Uint8Array> | Uint8Array

/** Makes the JSON synchronously, on the calling thread. */
export function showInline(entry: QuarantineEntry, kept: Pick<StoredBody, 'open'>): Uint8Array {
  const begin = JSON.stringify(entry).slice(0, -1)
  const body = Buffer.from(kept.open().toString('base64'), 'latin1')
  return Buffer.concat([Buffer.from(`${begin},"body":"`), body, Buffer.from('"}')])
}
