import type { ResultHead } from '../core/result-head.ts'
import type { Deviation } from '../schemas/deviations.ts'

const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/**
 * The JSON of a result. The envelope goes into it byte for byte, so that nothing is built of it, however large it
 * is, and every number keeps its digits: it was read as JSON when it came, and a key of it can't end the result.
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

/** Text may begin with a byte order mark, and have none further on. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  const hasMark = BYTE_ORDER_MARK.equals(bytes.subarray(0, BYTE_ORDER_MARK.length))
  return hasMark ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes
}
