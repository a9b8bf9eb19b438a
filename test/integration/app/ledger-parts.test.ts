import t from 'tap'
import { createCipher, encryptInline } from '../../../src/crypto/encrypt.ts'
import { buildSpool } from '../../../src/app/ledger-parts.ts'
import { secretKey } from '../../helpers/service.ts'
import { spoolFolder } from '../../helpers/spool.ts'

const limits: [what: string, bodyLimit: number, sizes: number[], became: string[]][] = [
  ['a tenth of the spool', 100, [900, 200], ['spooled', 'too-many']],
  ['the largest body, where that is more', 5000, [5000, 100], ['spooled', 'too-many']]
]
for (const [what, bodyLimit, sizes, became] of limits) {
  t.test(`one request can fill ${what}, and no more`, async (t) => {
    const secretKeys = [{ ...secretKey('k1'), kid: 'of-16-characters' }] as const
    const settings = { spool: { folder: spoolFolder(t), mostBytes: 11_000 }, bodyLimit, secretKeys }
    const spool = buildSpool(settings, encryptInline(createCipher(secretKeys)))
    t.teardown(() => spool?.close())
    const put = async (requestId: string, size: number) => {
      const callback = { requestId, attempt: 1, callbackId: `${size}`, isEncoded: false }
      return spool?.put({ ...callback, receivedAt: Date.now() }, Buffer.alloc(size))
    }
    t.same(await Promise.all(sizes.map((size) => put('one', size))), became)
    t.equal(await put('two', bodyLimit), 'spooled')
  })
}

t.test('no folder, no spool', async (t) => {
  const secretKeys = [secretKey('k1')] as const
  const seal = encryptInline(createCipher(secretKeys))
  t.equal(buildSpool({ spool: null, bodyLimit: 1, secretKeys }, seal), null)
})

t.test('what goes onto the disk is encrypted where large bodies are', async (t) => {
  const secretKeys = [secretKey('k1')] as const
  const here = encryptInline(createCipher(secretKeys))
  const sealed: number[] = []
  const seal = async (body: Uint8Array, id: string) => {
    sealed.push(body.length)
    return here(body, id)
  }
  const settings = { spool: { folder: spoolFolder(t), mostBytes: 11_000 }, bodyLimit: 5000 }
  const spool = buildSpool({ ...settings, secretKeys }, seal)
  t.teardown(() => spool?.close())
  const callback = { requestId: 'r1', attempt: 1, callbackId: '1.a', isEncoded: false }
  t.equal(await spool?.put({ ...callback, receivedAt: 1 }, Buffer.alloc(700, 'a')), 'spooled')
  t.same(sealed, [700])
  const row = spool?.next(0)
  t.ok(row && spool?.open(row).equals(Buffer.alloc(700, 'a')))
})
