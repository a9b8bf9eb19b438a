import { type Outcome, readEnvelope } from '../core/envelope.ts'
import type { Fault } from '../schemas/generated.ts'
import { type JsonFault, MOST_VALUES, parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'

/** The verdict on a body: a callback, or refused with an HTTP status and the violations. */
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

/** Parses and validates a body. The same bytes under the same limit of values always get the same verdict. */
export function parseBody(body: Uint8Array, isEncoded: boolean, mostValues = MOST_VALUES): Verdict {
  // The service never decompresses a body, because a few compressed bytes can fill the memory.
  if (isEncoded) return { type: 'refused', status: 415, faults: [ENCODED] }
  const parsed = parseJson(body, mostValues)
  if (!parsed.ok) return refuse(parsed.fault)
  const checked = check('khipu-envelope', parsed.value, { list: 'all' })
  if (!checked.valid) return { type: 'refused', status: 422, faults: checked.faults }
  return { type: 'callback', outcome: readEnvelope(checked.value) }
}

// A body with too many values gets 422, not 400: it may be valid JSON, because the parser stopped before its end.
function refuse(fault: JsonFault): Verdict {
  const status = fault.rule === 'values' ? 422 : 400
  return { type: 'refused', status, faults: [{ path: '', ...fault }] }
}
