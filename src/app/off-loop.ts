import type { Answer } from '../core/answer.ts'
import { ThreadEnded } from '../core/thread-ended.ts'
import { classify, type Classify } from '../khipu/classify-answer.ts'
import type { StoredBody } from '../ledger/stored-body.ts'
import {
  createCipher,
  type EncryptBody,
  type EncryptedBody,
  type Cipher,
  encryptInline
} from '../crypto/encrypt.ts'
import { type Compose, type Composed, composeInline } from '../delivery/compose-result.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import { type Examine, type Examined, examineInline } from '../callbacks/examine-body.ts'
import { type Review, type Reviewed, reviewInline } from '../operator/review-body.ts'
import { type Show, showInline } from '../operator/show-body.ts'
import type { Tasks, ThreadSettings } from './body-thread.ts'

/** The work on bodies: on a thread for a large body, on the event loop for a small one. */
export interface OffLoop {
  readonly examine: Examine
  readonly compose: Compose
  readonly classify: Classify
  readonly seal: EncryptBody
  readonly review: Review
  readonly show: Show
}

/** Runs a task on the thread; rejects with ThreadEnded where the task exceeded the thread's heap or its time limit. */
export type Run = <Result>(
  name: keyof Tasks,
  bytes: Uint8Array,
  taskOf: (copy: Uint8Array) => Tasks[keyof Tasks]
) => Promise<Result>

/** All work on bodies, with a thread for the large ones. */
export function offLoop(run: Run, settings: ThreadSettings): OffLoop {
  const cipher = createCipher(settings.secretKeys)
  const seal = encryptLarge(run, cipher)
  return {
    seal,
    examine: examineLarge(run, settings, cipher, seal),
    compose: composeLarge(run, settings),
    classify: classifyLarge(run),
    review: reviewLarge(run, cipher),
    show: showLarge(run)
  }
}

const UNREADABLE = {
  path: '',
  rule: 'too-much',
  message: 'takes more memory or time to read than a callback may'
}

function orWhenThreadEnded<T>(otherwise: () => Promise<T> | T) {
  return (error: unknown): Promise<T> | T => {
    if (!(error instanceof ThreadEnded)) throw error
    return otherwise()
  }
}

function encryptLarge(run: Run, cipher: Cipher): EncryptBody {
  const inline = encryptInline(cipher)
  return (body, id) => {
    if (body.length <= LARGE_BYTES) return inline(body, id)
    const encrypting = run<EncryptedBody>('seal', body, (copy) => ({ body: copy, id }))
    // Khipu bills each result, so the body must be kept. Where the thread fails, the event loop encrypts it.
    return encrypting.catch(() => inline(body, id))
  }
}

function examineLarge(
  run: Run,
  { bodyValues }: ThreadSettings,
  cipher: Cipher,
  seal: EncryptBody
): Examine {
  const inline = examineInline(cipher, bodyValues)
  return (body, isEncoded, requestId) => {
    if (body.length <= LARGE_BYTES) return inline(body, isEncoded, requestId)
    const task = (copy: Uint8Array) => ({ body: copy, isEncoded, requestId })
    const refuse = async () => {
      const verdict = { type: 'refused', status: 422, faults: [UNREADABLE] } as const
      return { verdict, sealed: await seal(body, requestId) }
    }
    return run<Examined>('examine', body, task).catch(orWhenThreadEnded<Examined>(refuse))
  }
}

function composeLarge(run: Run, { secretKeys, sealResults }: ThreadSettings): Compose {
  const inline = composeInline(sealResults ? createCipher(secretKeys, 'result').encrypt : null)
  return (head, envelope, jobId) => {
    if (envelope === null || envelope instanceof Uint8Array || isSmall(envelope))
      return inline(head, envelope, jobId)
    const task = (sealed: Uint8Array) => ({ head, stored: withBytes(envelope, sealed), jobId })
    return run<Composed>('compose', envelope.sealed, task)
  }
}

function classifyLarge(run: Run): Classify {
  return (http, now) => {
    const { body, ...rest } = http
    if (body.length <= LARGE_BYTES || http.defect !== undefined) return classify(http, now)
    const empty = { ...rest, body: Buffer.alloc(0) }
    const task = (copy: Uint8Array) => ({ http: empty, body: copy, now })
    const { message } = UNREADABLE
    const unread = () => classify({ ...http, defect: { rule: 'too-much', message } }, now)
    return run<Answer>('classify', body, task).catch(orWhenThreadEnded(unread))
  }
}

function reviewLarge(run: Run, cipher: Cipher): Review {
  const inline = reviewInline(cipher)
  return (kept, force) => {
    if (isSmall(kept)) return inline(kept, force)
    const task = (sealed: Uint8Array) => ({ stored: withBytes(kept, sealed), force })
    const refuse = (): Reviewed => {
      return { type: 'refused', detail: 'the body can not be read', faults: [UNREADABLE] }
    }
    return run<Reviewed>('review', kept.sealed, task).catch(orWhenThreadEnded(refuse))
  }
}

function showLarge(run: Run): Show {
  return (entry, kept) => {
    if (isSmall(kept)) return showInline(entry, kept)
    const task = (sealed: Uint8Array) => ({ entry, stored: withBytes(kept, sealed) })
    return run<Uint8Array>('show', kept.sealed, task)
  }
}

function isSmall({ sealed }: Pick<StoredBody, 'sealed'>): boolean {
  return sealed.length <= LARGE_BYTES
}

/** A stored body with copied bytes and without its `open` function, which cannot be sent to a thread. */
function withBytes(
  { requestId, callbackId }: Pick<StoredBody, 'requestId' | 'callbackId'>,
  sealed: Uint8Array
): Omit<StoredBody, 'open'> {
  return { requestId, callbackId, sealed }
}
