// Decrypts the results that khipu-receiver has encrypted (SEAL_RESULTS=true). Copy this file: it needs
// only Node. encrypted-results.md describes the format for other languages.
import { createDecipheriv } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * The keys of RESULT_KEYS by their ids.
 *
 * @typedef {ReadonlyMap<string, Uint8Array>} ResultKeys
 */

/**
 * The part of a BullMQ job that openResult reads.
 *
 * @typedef {{ readonly id?: string | undefined, readonly data: unknown }} ResultJob
 */

/**
 * Reads RESULT_KEYS, as `npm run result-keys` prints it: `kid:base64 of 32 bytes`, separated by
 * commas. Its errors show no key.
 *
 * @param {string} text
 * @returns {ResultKeys}
 */
export function parseResultKeys(text) {
  const keys = new Map(text.split(',').map(parseKey))
  if (keys.size < text.split(',').length) throw new Error('RESULT_KEYS has a key id twice')
  return keys
}

/**
 * The result in a job's data, as schemas/result.json describes it. An encrypted result is decrypted, a plain
 * one is returned as it is. With `sealedOnly` a plain one is refused.
 *
 * @param {ResultJob} job
 * @param {ResultKeys} keys
 * @param {{ readonly sealedOnly?: boolean }} [options]
 * @returns {unknown}
 */
export function openResult(job, keys, { sealedOnly = false } = {}) {
  const { id = '', data } = job
  if (isSealed(data)) return JSON.parse(open(data.sealed, id, keys).toString('utf8'))
  if (sealedOnly) throw new Error(`the result of job ${id} is not sealed`)
  return data
}

/**
 * True for the data of a job whose result is encrypted.
 *
 * @param {unknown} data
 * @returns {data is { readonly requestId: string, readonly sealed: string }}
 */
export function isSealed(data) {
  return (
    typeof data === 'object' && data !== null && 'sealed' in data && typeof data.sealed === 'string'
  )
}

/**
 * @param {string} base64
 * @param {string} jobId
 * @param {ResultKeys} keys
 * @returns {Buffer}
 */
function open(base64, jobId, keys) {
  const sealed = Buffer.from(base64, 'base64')
  const nonceAt = 1 + (sealed[0] ?? 0)
  const tagAt = nonceAt + NONCE_BYTES
  const ciphertextAt = tagAt + TAG_BYTES
  if (sealed.toString('base64') !== base64 || sealed.length < ciphertextAt) throw altered(jobId)

  const kid = sealed.toString('utf8', 1, nonceAt)
  const key = keys.get(kid)
  if (key === undefined) {
    const name = JSON.stringify(kid)
    throw new Error(
      `the result of job ${jobId} is sealed with key ${name}, which RESULT_KEYS lacks`
    )
  }
  const nonce = sealed.subarray(nonceAt, tagAt)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(jobId)).setAuthTag(sealed.subarray(tagAt, ciphertextAt))
  const plain = decipher.update(sealed.subarray(ciphertextAt))
  try {
    return Buffer.concat([plain, decipher.final()])
  } catch {
    throw altered(jobId)
  }
}

/** @param {string} jobId */
function altered(jobId) {
  return new Error(
    `the sealed result of job ${jobId} was altered, or is another job's, or its key is another`
  )
}

/**
 * @param {string} item
 * @returns {[string, Buffer]}
 */
function parseKey(item) {
  const [, kid = '', base64 = ''] = /^([\w-]{1,16}):([A-Za-z0-9+/]{43}=)$/.exec(item.trim()) ?? []
  if (kid === '') {
    throw new Error('RESULT_KEYS must be kid:base64 of 32 bytes, separated by commas')
  }
  return [kid, Buffer.from(base64, 'base64')]
}
