import { type Outcome, readEnvelope } from '../core/envelope.ts'
import type { Fault } from '../schemas/generated.ts'
import { type JsonFault, MOST_VALUES, parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'

/** What a body is: a callback, or refused with a status and the reasons. */
export type Verdict =
  | { readonly type: 'callback'; readonly outcome: Outcome }
  | {
      readonly type: 'refused'
      readonly status: 400 | 415 | 422
      readonly faults: readonly Fault[]
    }

const ENCODED: Fault = {
  path: '',
  rule: 'content-encoding',
  message: 'must come as it is, without a content encoding'
}

/** Reads and validates a body; the same bytes are always the same, under the same limit of values. */
export function parseBody(body: Uint8Array, isEncoded: boolean, mostValues = MOST_VALUES): Verdict {
  // Never inflated, for a few bytes can be made to fill the memory.
  if (isEncoded) return { type: 'refused', status: 415, faults: [ENCODED] }
  const parsed = parseJson(body, mostValues)
  if (!parsed.ok) return refuse(parsed.fault)
  const checked = check('khipu-envelope', parsed.value, { list: 'all' })
  if (!checked.valid) return { type: 'refused', status: 422, faults: checked.faults }
  return { type: 'callback', outcome: readEnvelope(checked.value) }
}

// More values than are allowed may be JSON all the same: it was not read to the end.
function refuse(fault: JsonFault): Verdict {
  const status = fault.rule === 'values' ? 422 : 400
  return { type: 'refused', status, faults: [{ path: '', ...fault }] }
}
