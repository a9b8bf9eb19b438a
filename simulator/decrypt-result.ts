import { createDecipheriv } from 'node:crypto'

/** The parts of a job that matter here; `sealed` is the contract's name for encrypted data. */
interface EncryptedJob {
  readonly id?: string | undefined
  readonly data: { readonly sealed?: string }
}

/**
 * The data of a result job, decrypted where it is encrypted. Written from docs/reference/encrypted-results.md alone and
 * shared with no other code, so that a mistake in that document shows.
 */
export function decryptResult({ id = '', data }: EncryptedJob, resultKeys: string): unknown {
  if (data.sealed === undefined) return data
  const bytes = reader(Buffer.from(data.sealed, 'base64'))
  const kid = bytes.take(bytes.take(1).readUInt8()).toString('ascii')
  const decipher = createDecipheriv('aes-256-gcm', keyOf(kid, resultKeys), bytes.take(12))
  decipher.setAuthTag(bytes.take(16))
  decipher.setAAD(Buffer.from(id, 'utf8'))
  const text = decipher.update(bytes.rest(), undefined, 'utf8') + decipher.final('utf8')
  return JSON.parse(text)
}

function keyOf(kid: string, resultKeys: string): Buffer {
  const row = resultKeys.split(',').find((item) => item.trim().startsWith(`${kid}:`))
  if (row === undefined) throw new Error('it is encrypted with a key that is not in RESULT_KEYS')
  return Buffer.from(row.trim().slice(kid.length + 1), 'base64')
}

function reader(bytes: Buffer) {
  let at = 0
  return {
    take(length: number): Buffer {
      if (at + length > bytes.length) throw new Error('it is encrypted, and too short')
      at += length
      return bytes.subarray(at - length, at)
    },
    rest: () => bytes.subarray(at)
  }
}
