import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Tinypool from 'tinypool'
import type { ResultHead } from '../core/result-head.ts'
import type { SecretKey } from '../core/secret-key.ts'
import { classify as classifyAnswer, type HttpAnswer } from '../khipu/classify-answer.ts'
import { openStored, type StoredBody } from '../ledger/stored-body.ts'
import { createCipher, encryptBody } from '../crypto/encrypt.ts'
import { composeInline } from '../delivery/compose-result.ts'
import type { QuarantineEntry } from '../schemas/generated.ts'
import { MOST_VALUES } from '../schemas/json.ts'
import { examineInline } from '../callbacks/examine-body.ts'
import { reviewInline } from '../operator/review-body.ts'
import { showInline } from '../operator/show-body.ts'

// This file runs on a thread of its own. It calls the same functions that process small bodies on the event loop.

/** The settings that a thread gets at its start. */
export interface ThreadSettings {
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly sealResults: boolean
  readonly bodyValues: number
}

/**
 * 1.5 times the heap that the most expensive JSON value takes. That value is an object whose only key no other object
 * has. One million values fit into 256 MB.
 */
const BYTES_PER_VALUE = 256

/**
 * JSON.parse cannot be interrupted. Where it fills the heap of a thread, the whole process ends. So the thread refuses
 * a body that might fill the heap before it parses it, even where BODY_VALUES allows that many values.
 */
function valuesThatFit(): number {
  return Math.floor(getHeapStatistics().heap_size_limit / BYTES_PER_VALUE)
}

type Stored = Omit<StoredBody, 'open'>

/** The arguments of the thread's functions. */
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
// An operator may accept a body with more values than a callback may have, as far as the heap allows.
const reviewKept = reviewInline(
  cipher,
  Math.min(Math.max(bodyValues, MOST_VALUES), valuesThatFit())
)

/** A larger heap still holds values of the last body. */
const COLLECTED_ABOVE_BYTES = 64 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as NonNullable<typeof globalThis.gc>

/** Returns the memory of the last body to the operating system. Its answer also shows that the thread has started. */
export function freeMemory(): void {
  if (getHeapStatistics().total_heap_size <= COLLECTED_ABOVE_BYTES) return
  collectGarbage({ type: 'major', execution: 'sync', flavor: 'last-resort' })
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

/** Transfers the bytes to the main thread without a copy. */
function handOver(value: object, { buffer }: Uint8Array): unknown {
  return Tinypool.move({
    [Tinypool.transferableSymbol]: buffer,
    [Tinypool.valueSymbol]: value
  } as unknown as ArrayBuffer)
}
