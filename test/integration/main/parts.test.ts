import t from 'tap'
import { buildSpool } from '../../../src/main/parts.ts'
import { secretKey } from '../../helpers/service.ts'
import { spoolFolder } from '../../helpers/spool.ts'

const limits: [what: string, bodyLimit: number, sizes: number[], became: string[]][] = [
  ['a tenth of the spool', 100, [900, 200], ['spooled', 'too-many']],
  ['the largest body, where that is more', 5000, [5000, 100], ['spooled', 'too-many']]
]
for (const [what, bodyLimit, sizes, became] of limits) {
  t.test(`one request can fill ${what}, and no more`, async (t) => {
    const spool = buildSpool({
      spool: { folder: spoolFolder(t), mostBytes: 11_000 },
      bodyLimit,
      secretKeys: [{ ...secretKey('k1'), kid: 'of-16-characters' }]
    })
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
  t.equal(buildSpool({ spool: null, bodyLimit: 1, secretKeys: [secretKey('k1')] }), null)
})
