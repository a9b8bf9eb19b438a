import { callbackId } from '../crypto/callback-id.ts'
import type { Capability } from '../crypto/callback-token.ts'
import type { EncryptedBody } from '../crypto/encrypt.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { callbackJob } from '../queue/new-jobs.ts'
import type { Quarantine } from '../ledger/quarantine/quarantine.ts'
import type { Received } from '../ledger/scripts.ts'
import type { Replicas } from '../redis/replicas.ts'
import type { QuarantineKind } from '../schemas/generated.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import type { Verdict } from './parse-body.ts'

/** The dependencies that store callbacks on one connection to Redis. */
export interface LedgerWriter {
  readonly ledger: Pick<Ledger, 'receive'>
  readonly quarantine: Pick<Quarantine, 'keep'>
  readonly replicas: Replicas
}

/** Large bodies have a connection of their own, so that no small body waits behind them. */
export interface LedgerWriters {
  readonly small: LedgerWriter
  readonly large: LedgerWriter
}

/** A body that came with a valid callback token, and its verdict. */
export interface Arrival {
  readonly capability: Capability
  readonly body: Buffer
  /** Whether it came with a content encoding. */
  readonly isEncoded: boolean
  readonly verdict: Verdict
  /** The body, hashed and encrypted; where it is absent, the ledger or the quarantine does that. */
  readonly sealed?: EncryptedBody
  /** For a body that was acknowledged before Redis could store it: its age in ms. */
  readonly takenMsAgo?: number
}

/** Where a body is stored: in the ledger, in quarantine (`kept`), or nowhere (`full`, `unknown`). */
export type Stored =
  | { readonly status: Received; readonly id: string }
  | { readonly status: 'kept'; readonly id: string; readonly kind: QuarantineKind }

/** The kind of quarantine entry for each HTTP status of a refused body. */
export const KINDS = { 400: 'not-json', 415: 'not-json', 422: 'schema' } as const

/** The callback id of an arrival: its attempt and the hash of its bytes. */
export function idOf({ capability: { attempt }, body, sealed }: Arrival): string {
  return sealed === undefined ? callbackId(attempt, body) : `${attempt}.${sealed.sha256}`
}

/**
 * Writes a callback to the ledger, or a refused body to the quarantine, byte for byte. Rejects where Redis or its
 * replicas did not confirm the write.
 */
export function storeCallback(writers: LedgerWriters, arrival: Arrival): Promise<Stored> {
  const { verdict, body } = arrival
  const writer = body.length > LARGE_BYTES ? writers.large : writers.small
  return verdict.type === 'callback'
    ? receive(writer, arrival, verdict)
    : quarantineBody(writer, arrival, KINDS[verdict.status])
}

async function receive(
  { ledger, replicas }: LedgerWriter,
  arrival: Arrival,
  { outcome }: Extract<Verdict, { type: 'callback' }>
): Promise<Stored> {
  const { body, sealed, takenMsAgo } = arrival
  const { requestId, attempt } = arrival.capability
  const id = idOf(arrival)
  const callback = { id, attempt, size: body.length, outcome, httpStatus: null }
  const job = callbackJob(requestId, id)
  const status = await replicas.reached(() =>
    ledger.receive(requestId, callback, sealed ?? body, { takenMsAgo, job })
  )
  return { status, id }
}

/**
 * Quarantines a body byte for byte, because Khipu may never send it again. The status is `full` where its request has
 * used up its share of the quarantine.
 */
export async function quarantineBody(
  { quarantine, replicas }: Pick<LedgerWriter, 'quarantine' | 'replicas'>,
  { capability, body, sealed, verdict, takenMsAgo }: Arrival,
  kind: QuarantineKind
): Promise<Stored> {
  const faults = verdict.type === 'refused' ? verdict.faults : []
  const from = { ...capability, marksAttempt: kind !== 'late' }
  const id = await replicas.reached(() =>
    quarantine.keep(from, kind, faults, sealed ?? body, takenMsAgo)
  )
  return id === null ? { status: 'full', id: '' } : { status: 'kept', id, kind }
}
