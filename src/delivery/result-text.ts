import type { ResultHead } from '../core/result-head.ts'
import type { Deviation } from '../schemas/deviations.ts'

const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/**
 * The JSON of a result. The envelope is copied byte for byte, so no object is built from it, whatever its size, and
 * every number keeps its digits. It was validated as JSON on arrival, so its content cannot end the result early.
 */
export function resultText(
  head: ResultHead,
  deviations: readonly Deviation[],
  envelope: Uint8Array | null
): Buffer {
  const begin = JSON.stringify({ ...head, deviations }).slice(0, -1)
  const response = envelope === null ? Buffer.from('null') : withoutMark(envelope)
  return Buffer.concat([Buffer.from(`${begin},"response":`), response, Buffer.from('}')])
}

/** A text may begin with a byte order mark, but must have none inside. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  const hasMark = BYTE_ORDER_MARK.equals(bytes.subarray(0, BYTE_ORDER_MARK.length))
  return hasMark ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes
}
