import type { RequestBody } from '../schemas/generated.ts'
import { parseJsonExactly } from '../schemas/json.ts'
import type { Entry } from './load.ts'
import type { Store } from './store.ts'

/** The data that a POST to Khipu needs. It is encrypted at rest and deleted when the request ends. */
export type Input = Pick<RequestBody, 'RequestData' | 'authorization'>
export type Authorization = NonNullable<Input['authorization']>

/** The inputs of requests. The numbers in them keep their original digits. */
export interface Inputs {
  /** The input as it is stored: encrypted. */
  seal(requestId: string, input: Input): Uint8Array
  /** The decrypted input; null once the request has ended. */
  openInput(requestId: string): Promise<Input | null>
  /** The same, of an entry that was loaded with it. */
  inputOf(entry: Entry): Input | null
}

export function createInputs({ redis, cipher, key }: Store): Inputs {
  const decrypt = (requestId: string, sealed: Uint8Array | null) =>
    sealed && (parseJsonExactly(cipher.decrypt(sealed, requestId)) as Input)
  return {
    seal: (requestId, input) => cipher.encrypt(Buffer.from(JSON.stringify(input)), requestId),
    openInput: async (requestId) =>
      decrypt(requestId, await redis.hgetBuffer(key('request', requestId), 'sealed')),
    inputOf: ({ request, sealedInput }) => decrypt(request.requestId, sealedInput)
  }
}
