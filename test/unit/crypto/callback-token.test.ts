import { createHmac, hkdfSync } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { v4, v7 } from 'uuid'
import {
  callbackUrl,
  callbackUrlLength,
  createCapabilities
} from '../../../src/crypto/callback-token.ts'
import { holds } from '../../helpers/holds.ts'
import { secretKey } from '../../helpers/service.ts'

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const k1 = secretKey('k1')
const k2 = secretKey('k2')
const capabilities = createCapabilities([k1, k2])
const capability = { requestId: v7(), attempt: 3 }
const token = capabilities.sign(capability)

const isVerified = (text: string) => capabilities.verify(text) !== null
const isRefused = (text: string) => !isVerified(text)

const anyCapability = fc.record(
  { requestId: fc.uuid(), attempt: fc.integer({ min: 1, max: 0xffff }) },
  { noNullPrototype: true }
)
const position = fc.nat({ max: token.length - 1 })
/** What an address can hold, and what it can't. */
const anyChar = fc.oneof(
  fc.constantFrom(...Array.from(`${BASE64URL}+/=.%~ \n`)),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })
)

t.test('a token says again what it was signed for', async (t) => {
  holds(t, anyCapability, (signed) =>
    isDeepStrictEqual(capabilities.verify(capabilities.sign(signed)), signed)
  )
})

t.test('no two capabilities have the same token', async (t) => {
  const ids = [v4(), v4(), v7(), v7()]
  const all = ids.flatMap((requestId) =>
    [1, 2, 255, 256, 0xffff].map((attempt) => capabilities.sign({ requestId, attempt }))
  )
  t.equal(new Set(all).size, all.length)
})

t.test('a token is its key id, a point, and 68 characters of base64url', async (t) => {
  for (const kid of ['k', 'k1', 'key_of-16-letter']) {
    const signed = createCapabilities([secretKey(kid)]).sign(capability)
    t.match(signed, new RegExp(`^${kid}\\.[A-Za-z0-9_-]{68}$`))
    t.equal(callbackUrl('https://x', signed).length, callbackUrlLength('https://x', kid))
  }
})

t.test('a token with any character changed is refused', async (t) => {
  holds(t, fc.tuple(position, anyChar), ([at, char]) => {
    const changed = token.slice(0, at) + char + token.slice(at + 1)
    return changed === token || isRefused(changed)
  })
})

t.test('a token with any bit of its bytes flipped is refused', async (t) => {
  const [kid = '', sealed = ''] = token.split('.')
  const whole = Buffer.from(sealed, 'base64url')
  const flipped = Array.from({ length: whole.length * 8 }, (_, bit) => {
    const changed = Buffer.from(whole)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return `${kid}.${changed.toString('base64url')}`
  })
  t.equal(new Set([token, ...flipped]).size, 51 * 8 + 1)
  t.same(flipped.filter(isVerified), [])
})

t.test(
  'whatever was signed: altered, cut, extended, or by another key, it is refused',
  async (t) => {
    const others = [
      createCapabilities([secretKey('k1')]),
      createCapabilities([secretKey('k3'), k2])
    ]
    const shown = fc.tuple(anyCapability, fc.nat(), anyChar, fc.base64String({ minLength: 1 }))
    holds(t, shown, ([signed, number, char, tail]) => {
      const one = capabilities.sign(signed)
      const at = number % one.length
      const altered = one.slice(0, at) + char + one.slice(at + 1)
      return (
        (altered === one || isRefused(altered)) &&
        isRefused(one.slice(0, at)) &&
        isRefused(one.slice(at + 1)) &&
        isRefused(one + tail) &&
        others.every((other) => other.verify(one) === null && isRefused(other.sign(signed)))
      )
    })
  }
)

t.test('parts of two tokens make none', async (t) => {
  holds(t, fc.tuple(anyCapability, fc.nat({ max: token.length })), ([signed, at]) => {
    const other = capabilities.sign(signed)
    const mixed = token.slice(0, at) + other.slice(at)
    return mixed === token || mixed === other || isRefused(mixed)
  })
})

t.test('a token of another version is refused, however well it is signed', async (t) => {
  const [kid = '', sealed = ''] = token.split('.')
  const payload = Buffer.from(sealed, 'base64url').subarray(0, 19)
  payload[0] = 2
  const derived = hkdfSync('sha256', k1.bytes, '', 'khipu-receiver/capability/v1', 32)
  const sign = (bytes: Buffer) => {
    const mac = createHmac('sha256', Buffer.from(derived)).update(`${kid}.`).update(bytes)
    return `${kid}.${Buffer.concat([bytes, mac.digest()]).toString('base64url')}`
  }
  t.equal(capabilities.verify(sign(payload)), null)
  payload[0] = 1
  t.equal(sign(payload), token, 'and only for its version')
})

t.test('a token with any character dropped is refused', async (t) => {
  const shorter = Array.from(token, (_, at) => token.slice(0, at) + token.slice(at + 1))
  t.same(shorter.filter(isVerified), [])
})

t.test('a token with any character added is refused', async (t) => {
  holds(t, fc.tuple(fc.nat({ max: token.length }), anyChar), ([at, char]) =>
    isRefused(token.slice(0, at) + char + token.slice(at))
  )
})

t.test('a token has one spelling: no other last character will do', async (t) => {
  const others = Array.from(BASE64URL).filter((char) => !token.endsWith(char))
  t.equal(others.length, 63)
  t.same(
    others.filter((char) => isVerified(token.slice(0, -1) + char)),
    []
  )
})

t.test('a token cut short, repeated or made up is refused', async (t) => {
  const rows = ['', '.', 'k1', 'k1.', token.slice(3), token + token, `${token}/`, `.${token}`]
  const madeUp = ['A', '_', '0'].map((char) => `k1.${char.repeat(68)}`)
  t.same([...rows, ...madeUp, 'x'.repeat(100_000)].filter(isVerified), [])
})

t.test('no text at all is taken for a token', async (t) => {
  holds(t, fc.string({ unit: 'binary' }), isRefused)
})

t.test('the first key signs, and every key verifies', async (t) => {
  const older = createCapabilities([k2])
  t.match(token, /^k1\./)
  t.match(older.sign(capability), /^k2\./)
  t.same(capabilities.verify(older.sign(capability)), capability)
  t.same(createCapabilities([k2, k1]).verify(token), capability)
})

t.test('a key that is no longer there verifies nothing', async (t) => {
  t.equal(createCapabilities([k2]).verify(token), null)
})

t.test('another key under the same id verifies nothing', async (t) => {
  t.equal(createCapabilities([secretKey('k1')]).verify(token), null)
})

t.test('a token belongs to its key id, even where two ids have the same bytes', async (t) => {
  const twins = createCapabilities([k1, { ...k1, kid: 'k3' }])
  t.same(twins.verify(token), capability)
  t.equal(twins.verify(token.replace('k1.', 'k3.')), null)
})
