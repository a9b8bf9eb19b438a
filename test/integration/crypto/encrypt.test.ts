import fc from 'fast-check'
import t from 'tap'
import { v7 } from 'uuid'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import { hashTag } from '../../../src/ledger/keys.ts'
import { holds } from '../../helpers/holds.ts'
import { secretKey } from '../../helpers/service.ts'

const k1 = secretKey('k1')
const k2 = secretKey('k2')
const cipher = createCipher([k1, k2])
const id = v7()
const secret = Buffer.from('{"AccountNumber":"000011887755"}')
const sealed = cipher.encrypt(secret, id)

const opens = (bytes: Uint8Array, requestId = id) => {
  try {
    cipher.decrypt(bytes, requestId)
    return true
  } catch {
    return false
  }
}

t.test('what was sealed opens again, byte for byte', async (t) => {
  holds(t, fc.uint8Array({ maxLength: 1000 }), (bytes) =>
    cipher.decrypt(cipher.encrypt(bytes, id), id).equals(bytes)
  )
})

t.test('what was sealed shows nothing of itself, and never looks the same twice', async (t) => {
  t.notOk(sealed.includes('AccountNumber'))
  t.notOk(sealed.includes('000011887755'))
  t.notSame(cipher.encrypt(secret, id), sealed)
})

t.test('any bit flipped is refused', async (t) => {
  const flipped = [...Array(sealed.length * 8).keys()].map((bit) => {
    const copy = Buffer.from(sealed)
    copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    return copy
  })
  t.equal(flipped.length, sealed.length * 8)
  t.same(
    flipped.filter((bytes) => opens(bytes)),
    []
  )
})

t.test('anything cut off or added is refused', async (t) => {
  const shorter = [...Array(sealed.length).keys()].map((length) => sealed.subarray(0, length))
  const longer = Buffer.concat([sealed, Buffer.of(0)])
  t.same(
    [...shorter, longer, sealed.subarray(1)].filter((bytes) => opens(bytes)),
    []
  )
})

t.test('bytes that nobody sealed are refused', async (t) => {
  holds(t, fc.uint8Array({ maxLength: 200 }), (bytes) => !opens(bytes))
})

t.test("another request's id does not open it", async (t) => {
  t.ok(opens(sealed))
  t.notOk(opens(sealed, v7()))
  t.notOk(opens(sealed, ''))
})

t.test('the first key seals, every key opens, and one that is gone opens nothing', async (t) => {
  const later = createCipher([k2, k1])
  t.same(later.decrypt(sealed, id), secret)
  t.same(cipher.decrypt(later.encrypt(secret, id), id), secret)
  t.throws(() => createCipher([k2]).decrypt(sealed, id), {
    message: /'k1', which SECRET_KEYS lacks/
  })
  t.throws(() => createCipher([k1]).decrypt(later.encrypt(secret, id), id), { message: /'k2'/ })
  t.throws(() => createCipher([secretKey('k1')]).decrypt(sealed, id))
})

const TAGS: readonly [prefix: string, tag: string][] = [
  ['khipu', '{khipu:0}'],
  ['{khipu}', '{khipu:0}'],
  ['bank.{a}', '{bank.a:0}']
]

for (const [prefix, tag] of TAGS) {
  t.test(`the keys of the prefix ${prefix} carry one hash tag`, async (t) => {
    t.equal(hashTag(prefix, 0), tag)
  })
}

t.test('nothing opens with a part of its tag', async (t) => {
  const empty = cipher.encrypt(Buffer.alloc(0), id)
  t.ok(opens(empty))
  for (let cut = 1; cut <= 16; cut += 1) t.notOk(opens(empty.subarray(0, -cut)), `without ${cut}`)
})
