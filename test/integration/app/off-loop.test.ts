import t from 'tap'
import type { ResultHead } from '../../../src/core/result-head.ts'
import { callbackId } from '../../../src/crypto/callback-id.ts'
import { openStored } from '../../../src/ledger/stored-body.ts'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import { offLoop, type OffLoop, type Run } from '../../../src/app/off-loop.ts'
import type { QuarantineEntry } from '../../../src/schemas/generated.ts'
import { LARGE_BYTES } from '../../../src/schemas/large.ts'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { secretKey } from '../../helpers/service.ts'

// Which bodies are handed to the thread. What the thread makes of them is in threads.test.ts.

const SETTINGS = { secretKeys: [secretKey('k1')], sealResults: false, bodyValues: 1000 } as const
const cipher = createCipher(SETTINGS.secretKeys)
const HEAD = { requestId: 'r1', outcome: 'delivered' } as ResultHead
const ENTRY = { quarantineId: 'q1', requestId: 'r1' } as QuarantineEntry

const SMALL = bytes(ok())
const LARGE = bytes(ok({ AdditionalInformation: 'a'.repeat(LARGE_BYTES) }))

function stored(body: Buffer) {
  const kept = {
    requestId: 'r1',
    callbackId: callbackId(1, body),
    sealed: cipher.encrypt(body, 'r1')
  }
  return { ...kept, open: () => openStored(cipher, kept) }
}

type Task = (loop: OffLoop, body: Buffer) => unknown

const TASKS: readonly (readonly [name: keyof OffLoop, task: Task])[] = [
  ['examine', ({ examine }, body) => examine(body, false, 'r1')],
  ['compose', ({ compose }, body) => compose(HEAD, stored(body), 'r1')],
  ['classify', ({ classify }, body) => classify({ status: 200, body }, 0)],
  ['seal', ({ seal }, body) => seal(body, 'r1')],
  ['review', ({ review }, body) => review(stored(body), false)],
  ['show', ({ show }, body) => show(ENTRY, stored(body))]
]

for (const [name, task] of TASKS) {
  t.test(`${name}: a large body is handed to the thread, and a small one is not`, async (t) => {
    const handed: [string, number][] = []
    const run: Run = async (what, given) => {
      handed.push([what, given.length])
      return 'by the thread' as never
    }
    const loop = offLoop(run, SETTINGS)
    t.not(await task(loop, SMALL), 'by the thread')
    t.same(handed, [])
    t.equal(await task(loop, LARGE), 'by the thread')
    t.match(handed, [[name, Number]])
    t.equal(handed.length, 1)
    t.ok((handed[0]?.[1] ?? 0) >= LARGE.length, 'whole')
  })
}

t.test('whatever becomes of the thread, a large body is encrypted', async (t) => {
  for (const error of [new Error('no thread'), new TypeError('destroyed')]) {
    const { seal } = offLoop(() => Promise.reject(error), SETTINGS)
    const { sealed } = await seal(LARGE, 'r1')
    t.ok(cipher.decrypt(sealed, 'r1').equals(LARGE))
  }
})
