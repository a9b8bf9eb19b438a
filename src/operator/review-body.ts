import { isReadable, type Outcome, readEnvelope } from '../core/envelope.ts'
import type { StoredBody } from '../ledger/stored-body.ts'
import { encryptBody, type EncryptedBody, type Cipher } from '../crypto/encrypt.ts'
import type { Fault } from '../schemas/generated.ts'
import { MOST_VALUES, parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'

/** The verdict on a quarantined body that was validated again: an envelope, or refused again. */
export type Reviewed =
  | { readonly type: 'envelope'; readonly outcome: Outcome; readonly sealed: EncryptedBody }
  | { readonly type: 'refused'; readonly detail: string; readonly faults: readonly Fault[] }

/**
 * Parses and validates a quarantined body again, when an operator accepts it. `force` accepts a body that violates the
 * schema of an envelope. A large body is reviewed off the event loop.
 */
export type Review = (kept: StoredBody, force: boolean) => Promise<Reviewed> | Reviewed

/** Reviews synchronously, on the calling thread. */
export function reviewInline(cipher: Pick<Cipher, 'encrypt'>, mostValues = MOST_VALUES) {
  return (kept: StoredBody, force: boolean): Reviewed => {
    const body = kept.open()
    const parsed = parseJson(body, mostValues)
    if (!parsed.ok) {
      const faults = [{ path: '', ...parsed.fault }]
      return { type: 'refused', detail: 'the body is still not JSON', faults }
    }
    const read = force ? readForced(parsed.value) : readChecked(parsed.value)
    if (read.type === 'refused') return read
    return { type: 'envelope', outcome: read, sealed: encryptBody(cipher, body, kept.requestId) }
  }
}

type Read = Outcome | Extract<Reviewed, { type: 'refused' }>

function readChecked(value: unknown): Read {
  const checked = check('khipu-envelope', value, { list: 'all' })
  if (checked.valid) return readEnvelope(checked.value)
  return { type: 'refused', detail: 'the body is still not an envelope', faults: checked.faults }
}

/** Accepts a body that violates the schema, because an operator has checked it and trusts that Khipu sent it. */
function readForced(value: unknown): Read {
  if (isReadable(value)) return readEnvelope(value)
  const checked = check('khipu-envelope', value, { list: 'all' })
  const detail = 'not even with force: the body is no JSON object with the Status OK or ERROR'
  return { type: 'refused', detail, faults: checked.valid ? [] : checked.faults }
}
