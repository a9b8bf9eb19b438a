import type { Capability } from '../crypto/callback-token.ts'
import { callbackId } from '../crypto/callback-id.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Received } from '../ledger/scripts.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import type { Replicas } from '../redis/replicas.ts'
import type { SealedBody } from '../crypto/encrypt.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import type { QuarantineKind } from '../schemas/generated.ts'
import type { Verdict } from './parse-body.ts'

export interface IntakeDeps {
  /** The same for large bodies, on a connection of its own: there nobody waits behind them. */
  readonly large?: Omit<IntakeDeps, 'large'>
  readonly ledger: Pick<Ledger, 'receive'>
  readonly quarantine: Pick<Quarantine, 'keep'>
  readonly replicas: Replicas
  readonly jobs: { wake(requestId: string, callbackId: string): Promise<void> }
}

/** A body that came on a good capability, and what it is. */
export interface Arrival {
  readonly capability: Capability
  readonly body: Buffer
  /** Whether it came with a content encoding. */
  readonly isEncoded: boolean
  readonly verdict: Verdict
  /** Hashed and sealed already; else that is done where it is stored. */
  readonly sealed?: SealedBody
  /** Where it was answered before it could be stored: how long ago, in ms. */
  readonly takenMsAgo?: number
}

/** Where a body is now: in the ledger, in quarantine, or nowhere (`full`, `unknown`). */
export type Stored =
  | { readonly status: Received; readonly id: string }
  | {
      readonly status: 'kept'
      readonly id: string
      readonly kind: QuarantineKind
    }

/** What a body is kept as that is answered with that status. */
export const KINDS = { 400: 'not-json', 415: 'not-json', 422: 'schema' } as const

/** The id of what came, as a callback. */
export function idOf({ capability: { attempt }, body, sealed }: Arrival): string {
  return sealed === undefined ? callbackId(attempt, body) : `${attempt}.${sealed.sha256}`
}

/** Stores a callback, or keeps what is refused, byte for byte; rejects where Redis, or its replicas, did not say so. */
export function store(deps: IntakeDeps, arrival: Arrival): Promise<Stored> {
  const { verdict, body } = arrival
  const { large = deps } = deps
  const on = body.length > LARGE_BYTES ? large : deps
  return verdict.type === 'callback'
    ? receive(on, arrival, verdict)
    : keep(on, arrival, KINDS[verdict.status])
}

async function receive(
  { ledger, jobs, replicas }: IntakeDeps,
  arrival: Arrival,
  { outcome }: Extract<Verdict, { type: 'callback' }>
): Promise<Stored> {
  const { body, sealed, takenMsAgo } = arrival
  const { requestId, attempt } = arrival.capability
  const id = idOf(arrival)
  const callback = { id, attempt, size: body.length, outcome, httpStatus: null }
  // Both commands travel together; a job without a callback finds nothing to do, and the sweep finds
  // a callback without a job. The answer waits for both, and for the replicas.
  const [status] = await replicas.reached(() =>
    Promise.all([
      ledger.receive(requestId, callback, sealed ?? body, takenMsAgo),
      jobs.wake(requestId, id)
    ])
  )
  return { status, id }
}

/** Keeps a body byte for byte, for Khipu may never send it again; `full` where its request has its share. */
export async function keep(
  { quarantine, replicas }: Pick<IntakeDeps, 'quarantine' | 'replicas'>,
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
