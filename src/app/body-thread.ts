import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Tinypool from 'tinypool'
import type { ResultHead } from '../core/result-head.ts'
import type { SecretKey } from '../core/secret-key.ts'
import { classify as classifyAnswer, type HttpAnswer } from '../khipu/classify-answer.ts'
import { openStored, type StoredBody } from '../ledger/ledger.ts'
import { createCipher, encryptBody } from '../crypto/encrypt.ts'
import { composeInline } from '../delivery/compose-result.ts'
import type { QuarantineEntry } from '../schemas/generated.ts'
import { MOST_VALUES } from '../schemas/json.ts'
import { examineInline } from '../callbacks/examine-body.ts'
import { reviewInline } from '../operator/review-body.ts'
import { showInline } from '../operator/show-body.ts'

// What runs on a thread of its own: the same functions that small bodies meet on the event loop.

/** What a thread is given once. */
export interface ThreadSettings {
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly sealResults: boolean
  readonly bodyValues: number
}

/**
 * Half as much again as a value takes at the most, in any shape: an object whose one key no other object has. With
 * 256 MB a million of them fit.
 */
const BYTES_PER_VALUE = 256

/**
 * JSON.parse can't be stopped: where it fills the memory of a thread, that is the end of the whole process. So
 * a body that might is refused before, even where BODY_VALUES allows for it.
 */
function valuesThatFit(): number {
  return Math.floor(getHeapStatistics().heap_size_limit / BYTES_PER_VALUE)
}

type Stored = Omit<StoredBody, 'open'>

/** What each of the thread's functions is given. */
export interface Tasks {
  examine: { readonly body: Uint8Array; readonly isEncoded: boolean; readonly requestId: string }
  compose: { readonly head: ResultHead; readonly stored: Stored; readonly jobId: string }
  classify: { readonly http: HttpAnswer; readonly body: Uint8Array; readonly now: number }
  seal: { readonly body: Uint8Array; readonly id: string }
  review: { readonly stored: Stored; readonly force: boolean }
  show: { readonly entry: QuarantineEntry; readonly stored: Stored }
}

const { secretKeys, sealResults, bodyValues } = Tinypool.workerData as ThreadSettings
const cipher = createCipher(secretKeys)
const mostValues = Math.min(bodyValues, valuesThatFit())
const examineBody = examineInline(cipher, mostValues)
const composeResult = composeInline(sealResults ? createCipher(secretKeys, 'result').encrypt : null)
// An operator may accept what has more values than a callback may have, as far as memory goes.
const reviewKept = reviewInline(
  cipher,
  Math.min(Math.max(bodyValues, MOST_VALUES), valuesThatFit())
)

/** A heap of more than this holds the values of a body that is done. */
const COLLECTED_ABOVE_BYTES = 64 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as NonNullable<typeof globalThis.gc>

/** Gives the memory of the last body back to the machine; that it answers shows that the thread has started. */
export function freeMemory(): void {
  if (getHeapStatistics().total_heap_size <= COLLECTED_ABOVE_BYTES) return
  void collectGarbage({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

export function examine({ body, isEncoded, requestId }: Tasks['examine']): unknown {
  const examined = examineBody(body, isEncoded, requestId)
  return handOver(examined, examined.sealed.sealed)
}

export function compose({ head, stored, jobId }: Tasks['compose']): unknown {
  const composed = composeResult(head, openable(stored), jobId)
  return handOver(composed, composed.text)
}

export function classify({ http, body, now }: Tasks['classify']): unknown {
  const { buffer, byteOffset, length } = body
  return classifyAnswer({ ...http, body: Buffer.from(buffer, byteOffset, length) }, now, mostValues)
}

export function seal({ body, id }: Tasks['seal']): unknown {
  const sealed = encryptBody(cipher, body, id)
  return handOver(sealed, sealed.sealed)
}

export function review({ stored, force }: Tasks['review']): unknown {
  const reviewed = reviewKept(openable(stored), force)
  return reviewed.type === 'refused' ? reviewed : handOver(reviewed, reviewed.sealed.sealed)
}

export function show({ entry, stored }: Tasks['show']): unknown {
  const json = showInline(entry, openable(stored))
  return handOver(json, json)
}

function openable(stored: Stored): StoredBody {
  return { ...stored, open: () => openStored(cipher, stored) }
}

/** The bytes leave this thread without being copied. */
function handOver(value: object, { buffer }: Uint8Array): unknown {
  return Tinypool.move({
    [Tinypool.transferableSymbol]: buffer,
    [Tinypool.valueSymbol]: value
  } as unknown as ArrayBuffer)
}
