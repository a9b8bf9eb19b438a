import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ThreadEnded } from '../../../src/core/thread-ended.ts'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import type { QuarantineEntry } from '../../../src/schemas/generated.ts'
import { reviewInline } from '../../../src/operator/review-body.ts'
import { showInline } from '../../../src/operator/show-body.ts'
import { callbackId } from '../../../src/crypto/callback-id.ts'
import { openStored } from '../../../src/ledger/stored-body.ts'
import { startBodyThread } from '../../../src/app/body-thread-pool.ts'
import { examineInline } from '../../../src/callbacks/examine-body.ts'
import { composeInline } from '../../../src/delivery/compose-result.ts'
import type { ResultHead } from '../../../src/core/result-head.ts'
import { bytes, callbackOf, ok, resultsOf } from '../../helpers/callbacks.ts'
import { askIn } from '../../helpers/requests.ts'
import { openLog, openService, secretKey } from '../../helpers/service.ts'
import { advance } from '../../helpers/handlers.ts'

const SETTINGS = { secretKeys: [secretKey('k1')], sealResults: false, bodyValues: 1000 } as const
const cipher = createCipher(SETTINGS.secretKeys)
const HEAD = { requestId: 'r1', outcome: 'delivered' } as ResultHead

const ENTRY = { quarantineId: 'q1', kind: 'schema', requestId: 'r1' } as QuarantineEntry

const withText = (text: string) => bytes(ok({ AdditionalInformation: text }))
const SMALL = withText('a')
const LARGE = withText('b'.repeat(1_000_000))
const manyValues = (count: number) =>
  Buffer.from(`{"OperationId":"a","Status":"OK","Data":{"X":[${'{},'.repeat(count)}{}]}}`)

function start(t: Test, limits = {}, more = {}) {
  const { lines, log } = openLog()
  const threads = startBodyThread({ ...SETTINGS, ...more }, log, limits)
  t.teardown(() => threads.close())
  return { ...threads, lines }
}

const stored = (body: Buffer) => {
  const kept = {
    requestId: 'r1',
    callbackId: callbackId(1, body),
    sealed: cipher.encrypt(body, 'r1')
  }
  return { ...kept, open: () => openStored(cipher, kept) }
}

t.test('a thread answers under node --watch as well', async (t) => {
  process.env['WATCH_REPORT_DEPENDENCIES'] = '1'
  t.teardown(() => delete process.env['WATCH_REPORT_DEPENDENCIES'])
  const { examine } = start(t)
  t.equal((await examine(Buffer.from(LARGE), false, 'r1')).sealed.size, LARGE.length)
})

for (const [what, body] of [
  ['a small body', SMALL],
  ['a large one', LARGE],
  ['a large one that is no JSON', Buffer.alloc(200_000, '[')],
  ['a large one with too many values', manyValues(60_000)]
] as const) {
  t.test(`${what} is examined as it would be at once, and sealed for its request`, async (t) => {
    const { examine } = start(t)
    const given = Buffer.from(body)
    const examined = await examine(given, false, 'r1')
    const expected = examineInline(cipher, SETTINGS.bodyValues)(body, false, 'r1')
    t.strictSame(examined.verdict, expected.verdict)
    t.equal(examined.sealed.sha256, expected.sealed.sha256)
    t.ok(cipher.decrypt(examined.sealed.sealed, 'r1').equals(body))
    t.ok(given.equals(body), 'it is still there, for the disk')
  })

  for (const force of [false, true]) {
    const how = force ? 'with force' : 'without force'
    t.test(`${what} is reviewed ${how} as it would be at once`, async (t) => {
      const { review } = start(t)
      const reviewed = await review(stored(body), force)
      const expected = reviewInline(cipher)(stored(body), force)
      t.strictSame({ ...reviewed, sealed: null }, { ...expected, sealed: null })
      if (reviewed.type === 'refused') return
      t.ok(cipher.decrypt(reviewed.sealed.sealed, 'r1').equals(body))
      t.strictSame(callbackId(1, body), `1.${reviewed.sealed.sha256}`)
      t.equal(reviewed.sealed.size, body.length)
    })
  }

  t.test(`${what} is shown as it would be at once, with its body in base64`, async (t) => {
    const { show } = start(t)
    const text = Buffer.from(await show(ENTRY, stored(body))).toString()
    t.ok(text === Buffer.from(showInline(ENTRY, stored(body))).toString())
    t.strictSame(JSON.parse(text), { ...ENTRY, body: body.toString('base64') })
  })

  t.test(`${what} is encrypted for what it belongs to`, async (t) => {
    const { seal } = start(t)
    const { size, sha256, sealed } = await seal(body, 'spool/r1')
    t.strictSame([size, `1.${sha256}`], [body.length, callbackId(1, body)])
    t.ok(cipher.decrypt(sealed, 'spool/r1').equals(body))
    t.throws(() => cipher.decrypt(sealed, 'spool/r2'))
  })

  // What is stored as an envelope was read as JSON before.
  if (what.endsWith('no JSON')) continue
  t.test(`${what} is composed as it would be at once`, async (t) => {
    const { compose } = start(t)
    const composed = await compose(HEAD, stored(body), 'r1')
    const here = composeInline()(HEAD, body, 'r1')
    t.ok(Buffer.from(composed.text).equals(here.text))
    t.strictSame(composed.deviations, here.deviations)
  })
}

t.test('what a thread has sealed is stored, kept and published, byte for byte', async (t) => {
  const service = await openService(t)
  const { secretKeys } = service.ledgerSettings
  const { examine } = start(t, {}, { secretKeys })
  const requestId = await askIn(service, 'awaiting-callback')
  const { sealed } = await examine(LARGE, false, requestId)
  await service.ledger.receive(requestId, callbackOf(1, LARGE), sealed)
  t.ok((await service.ledger.openBody(requestId, callbackId(1, LARGE)))?.equals(LARGE))
  await advance(service, requestId, (request) => request)
  t.match(await resultsOf(service), [{ id: requestId }])
  const from = { requestId, attempt: 1 }
  const id = await service.quarantine.keep(from, 'schema', [], sealed)
  const kept = await service.quarantine.find(id ?? '')
  t.ok((kept && (await service.quarantine.open(kept)))?.equals(LARGE))
})

t.test('what a thread says of a body that was altered is an ordinary error', async (t) => {
  const { compose } = start(t)
  const altered = { ...stored(LARGE), callbackId: callbackId(1, SMALL) }
  await t.rejects(async () => compose(HEAD, altered, 'r1'), { message: /is not what it was/ })
})

t.test('a body that takes longer than it may is refused and kept', async (t) => {
  const { examine, lines } = start(t, { mostMs: 1 })
  const { verdict, sealed } = await examine(LARGE, false, 'r1')
  t.match(verdict, { type: 'refused', status: 422, faults: [{ rule: 'too-much' }] })
  t.ok(cipher.decrypt(sealed.sealed, 'r1').equals(LARGE), 'byte for byte')
  t.match(lines.join(), 'thread ended by a body')
})

const ENOUGH = { bodyValues: 10_000_000 }

t.test('one that would fill the memory is refused, and the next one read', async (t) => {
  const { examine } = start(t, { mostHeapMb: 64 }, ENOUGH)
  const [fatal, good] = await Promise.all([
    examine(manyValues(3_000_000), false, 'r1'),
    examine(LARGE, false, 'r2')
  ])
  t.match(fatal.verdict, { type: 'refused', status: 422, faults: [{ rule: 'values' }] })
  t.match(good.verdict, { type: 'callback' })
})

t.test('a kept body that takes its thread down is refused once more', async (t) => {
  const { review } = start(t, { mostMs: 1 })
  const reviewed = await review(stored(LARGE), true)
  t.match(reviewed, { type: 'refused', faults: [{ rule: 'too-much' }] })
})

t.test('a large body is encrypted although its thread was taken down', async (t) => {
  const { seal } = start(t, { mostMs: 1 })
  const { sealed } = await seal(LARGE, 'r1')
  t.ok(cipher.decrypt(sealed, 'r1').equals(LARGE))
})

t.test('an operator may accept more values than a callback may have', async (t) => {
  const { review } = start(t)
  const body = manyValues(60_000)
  t.match(await review(stored(body), false), { type: 'envelope', outcome: { type: 'result' } })
})

t.test('what a thread reviews is what was kept, or an ordinary error', async (t) => {
  const { review, show } = start(t)
  const altered = { ...stored(LARGE), callbackId: callbackId(1, SMALL) }
  const told = { message: /is not what it was/ }
  await t.rejects(async () => review(altered, false), told)
  await t.rejects(async () => show(ENTRY, altered), told)
})

t.test('a publication that takes its thread down says so', async (t) => {
  const { compose } = start(t, { mostMs: 1 })
  await t.rejects(async () => compose(HEAD, stored(LARGE), 'r1'), ThreadEnded)
})

t.test('the event loop turns while a large body is examined', async (t) => {
  const { examine } = start(t, {}, ENOUGH)
  await examine(LARGE, false, 'r1')
  let turns = 0
  let isDone = false
  const examining = Promise.resolve(examine(manyValues(500_000), false, 'r1')).finally(
    () => (isDone = true)
  )
  while (!isDone) {
    await pause(1)
    turns += 1
  }
  await examining
  t.ok(turns > 3, `${turns} turns`)
})
