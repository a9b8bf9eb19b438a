import { sealBody, type SealedBody, type Sealer } from '../crypto/encrypt.ts'
import { judge, type Verdict } from './parse-body.ts'

/** What is made of a body before it is stored. */
export interface Examined {
  readonly verdict: Verdict
  readonly sealed: SealedBody
}

/** Reads, validates, hashes and seals a body for its request. Of a large one that is done off the event loop. */
export type Examine = (
  body: Uint8Array,
  isEncoded: boolean,
  requestId: string
) => Promise<Examined> | Examined

/** Examines at once, on the thread that calls. */
export function examineHere(sealer: Pick<Sealer, 'seal'>, mostValues?: number) {
  return (body: Uint8Array, isEncoded: boolean, requestId: string): Examined => ({
    verdict: judge(body, isEncoded, mostValues),
    sealed: sealBody(sealer, body, requestId)
  })
}
