import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import type { Row } from '../../../src/spool/spooled-callbacks.ts'
import { PAGE_BYTES } from '../../../src/spool/database.ts'
import { openSpool, type Spool, type SpoolSettings } from '../../../src/spool/spool.ts'
import { secretKey } from '../../helpers/service.ts'
import { loseFiles, spoolFolder as folderOf } from '../../helpers/spool.ts'

const KEY = secretKey('k1')
const BOUNDS = { mostBytes: 1e7, mostOfRequest: 5, mostBytesOfRequest: 1e7, leaveFree: 0 }
const SETTINGS = { ...BOUNDS, cipher: createCipher([KEY]) }

function open(t: Test, folder: string, changes: Partial<SpoolSettings> = {}): Spool {
  const spool = openSpool({ ...SETTINGS, folder, ...changes })
  t.teardown(() => spool.close())
  return spool
}

const callbackOf = (requestId: string, body: Buffer, receivedAt = 1000) => ({
  requestId,
  attempt: 1,
  callbackId: `1.${createHash('sha256').update(body).digest('hex')}`,
  isEncoded: false,
  receivedAt
})

const put = (spool: Spool, requestId: string, text: string, receivedAt?: number) =>
  spool.put(callbackOf(requestId, Buffer.from(text), receivedAt), Buffer.from(text))

function allOf(spool: Spool): Row[] {
  const rows: Row[] = []
  for (let row = spool.next(0); row !== null; row = spool.next(row.seq)) rows.push(row)
  return rows
}

/** Leaves a callback in the folder of a spool that is closed by then. */
async function leave(t: Test, folder: string, text: string): Promise<void> {
  const spool = open(t, folder)
  await put(spool, 'one', text)
  spool.close()
}

/** Changes the file of a spool that is closed, behind its back. */
function alter(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, 'callbacks.sqlite'))
  database.exec(sql)
  database.close()
}

const textsOf = (spool: Spool) => allOf(spool).map((row) => spool.open(row).toString())

t.test('callbacks are kept in the order in which they came, byte for byte', async (t) => {
  const spool = open(t, folderOf(t))
  t.same(spool.usage(), { entries: 0, bytes: 0, unopened: 0, waitedMs: 0 })
  t.equal(spool.next(0), null)
  // Three at once, and one after the other.
  await Promise.all(['a', 'b', 'c'].map((text) => put(spool, 'one', text)))
  await put(spool, 'two', 'd', 2000)
  t.same(textsOf(spool), ['a', 'b', 'c', 'd'])
  t.match(allOf(spool)[3], { ...callbackOf('two', Buffer.from('d'), 2000) })
  t.equal(spool.usage().entries, 4)
  t.ok(Number(spool.usage().waitedMs) >= Date.now() - 2000, 'the oldest came in 1970')
  t.same([spool.holds('one'), spool.holds('two'), spool.holds('three')], [true, true, false])
})

t.test('the same bytes on the same attempt are one callback', async (t) => {
  const spool = open(t, folderOf(t))
  const both = await Promise.all([put(spool, 'one', 'a'), put(spool, 'one', 'a')])
  t.same(both, ['spooled', 'duplicate'])
  t.equal(await put(spool, 'one', 'a'), 'duplicate')
  t.equal(await put(spool, 'two', 'a'), 'spooled', 'of another request they are another')
  const body = Buffer.from('a')
  const encoded = { ...callbackOf('one', body), isEncoded: true }
  t.equal(await spool.put(encoded, body), 'spooled', 'and so they are with a content encoding')
  t.equal(spool.usage().entries, 3)
})

t.test('there is room for so many bytes, and for so many of a request', async (t) => {
  const spool = open(t, folderOf(t), { mostBytes: 1000 })
  t.equal(await put(spool, 'one', 'x'.repeat(900)), 'spooled')
  t.equal(await put(spool, 'two', 'x'.repeat(100)), 'full')
  t.equal(spool.hasRoom(100), false)
  t.ok(spool.hasRoom(10), 'a smaller one would have fitted')
  t.equal(await put(spool, 'one', 'x'.repeat(900)), 'duplicate', 'what is there stays so')
  spool.remove(allOf(spool)[0]?.seq ?? 0)
  t.match(spool.usage(), { entries: 0, bytes: 0 })
  const many = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => put(spool, 'one', `body ${n}`)))
  t.same(many, [...Array<string>(5).fill('spooled'), 'too-many'])
  t.equal(await put(spool, 'two', 'body 7'), 'spooled')
})

t.test('one request has room for so many bytes, and leaves the others theirs', async (t) => {
  const spool = open(t, folderOf(t), { mostBytesOfRequest: 1000 })
  const sent = ['a', 'b'].map((text) => put(spool, 'one', text.repeat(600)))
  t.same(await Promise.all(sent), ['spooled', 'too-many'])
  t.equal(await put(spool, 'one', 'b'.repeat(300)), 'spooled', 'a smaller one fits')
  t.equal(await put(spool, 'one', 'a'.repeat(600)), 'duplicate')
  t.equal(await put(spool, 'two', 'b'.repeat(600)), 'spooled')
})

t.test('results of a request are bounded apart from all else that comes for it', async (t) => {
  const folder = folderOf(t)
  const bounds = { mostOfRequest: 2, mostBytesOfRequest: 1000 }
  const spool = open(t, folder, bounds)
  const putResult = (of: Spool, text: string) =>
    of.put({ ...callbackOf('one', Buffer.from(text)), isResult: true }, Buffer.from(text))
  for (const text of ['a', 'b']) t.equal(await put(spool, 'one', text), 'spooled')
  t.equal(await put(spool, 'one', 'c'), 'too-many')
  t.equal(await putResult(spool, 'd'), 'spooled')
  t.equal(await putResult(spool, 'x'.repeat(1000)), 'too-many')
  spool.close()
  const again = open(t, folder, bounds)
  t.same(
    allOf(again).map(({ isResult }) => isResult),
    [false, false, true]
  )
  t.equal(await putResult(again, 'e'), 'spooled')
  t.equal(await putResult(again, 'f'), 'too-many', 'they are counted where they were put before')
})

t.test('a file of before results were told apart is opened, and read', async (t) => {
  const folder = folderOf(t)
  await leave(t, folder, 'a')
  alter(folder, 'ALTER TABLE spooled DROP COLUMN isResult')
  const spool = open(t, folder)
  t.same(textsOf(spool), ['a'])
  t.equal(await put(spool, 'one', 'b'), 'spooled')
})

t.test('some of the disk is left free, for what it takes to remove', async (t) => {
  const spool = open(t, folderOf(t), { leaveFree: 2 ** 60 })
  t.equal(await put(spool, 'one', 'a'), 'full')
  t.equal(spool.usage().entries, 0)
  t.equal(spool.hasRoom(0), false)
})

t.test('a disk that can’t be read does not say how long the oldest has waited', async (t) => {
  const folder = folderOf(t)
  const spool = open(t, folder)
  for (let n = 0; n < 20; n += 1) await put(spool, `${n}`, 'x'.repeat(400_000))
  loseFiles(folder)
  t.throws(() => spool.next(0), { code: 'ERR_SQLITE_ERROR' })
  t.match(spool.usage(), { entries: 20, bytes: Number, waitedMs: null })
})

t.test('a disk that does not say how much is free has no room', async (t) => {
  const folder = join(folderOf(t), 'spool')
  const spool = open(t, folder, { leaveFree: 1 })
  t.ok(spool.hasRoom(1000))
  rmSync(folder, { recursive: true })
  t.equal(spool.hasRoom(0), false)
  t.equal(await put(spool, 'one', 'a'), 'full')
})

t.test('a number is not given twice, also after a restart', async (t) => {
  const folder = folderOf(t)
  const spool = open(t, folder)
  await put(spool, 'one', 'a')
  const seq = spool.next(0)?.seq ?? 0
  spool.remove(seq)
  spool.remove(seq)
  spool.close()
  const again = open(t, folder)
  await put(again, 'one', 'a')
  t.ok((again.next(0)?.seq ?? 0) > seq)
})

t.test(
  'what is on disk is for the owner alone, and sealed; what is removed has gone',
  async (t) => {
    const folder = join(folderOf(t), 'made', 'here')
    const spool = open(t, folder)
    const secret = randomBytes(20).toString('hex')
    await put(spool, 'one', secret)
    const files = () => readdirSync(folder).map((name) => join(folder, name))
    t.equal(statSync(folder).mode & 0o777, 0o700)
    for (const file of files()) t.equal(statSync(file).mode & 0o777, 0o600, file)
    const bytes = () => Buffer.concat(files().map((file) => readFileSync(file)))
    t.notOk(bytes().includes(secret))
    const sealed = Buffer.from(spool.next(0)?.sealed ?? [])
    t.ok(bytes().includes(sealed))
    spool.remove(spool.next(0)?.seq ?? 0)
    await nextTurn()
    t.notOk(bytes().includes(sealed))
  }
)

t.test('large callbacks that come together are committed in turns, and none is lost', async (t) => {
  const folder = folderOf(t)
  const spool = open(t, folder)
  const putting = Promise.all(
    ['a', 'b', 'c'].map((text) => put(spool, 'one', text.repeat(700_000)))
  )
  const seen = new Set<number>()
  while (spool.usage().entries < 3) {
    await nextTurn()
    seen.add(spool.usage().entries)
  }
  t.strictSame(
    [1, 2, 3].filter((entries) => seen.has(entries)),
    [1, 2, 3]
  )
  t.same(await putting, ['spooled', 'spooled', 'spooled'])
})

t.test('what waits for its turn as the spool is closed is on disk', async (t) => {
  const folder = folderOf(t)
  const spool = open(t, folder)
  const texts = ['a', 'b', 'c'].map((text) => text.repeat(700_000))
  const putting = Promise.all(texts.map((text) => put(spool, 'one', text)))
  // They are encrypted by then, and not yet committed.
  await Promise.resolve()
  spool.close()
  t.same(await putting, ['spooled', 'spooled', 'spooled'])
  t.equal(allOf(open(t, folder)).length, 3)
})

t.test("SQLite's log does not grow, with large callbacks nor with many small ones", async (t) => {
  const folder = folderOf(t)
  const bounds = { mostBytes: 1e9, mostOfRequest: 1e9, mostBytesOfRequest: 1e9 }
  const spool = open(t, folder, bounds)
  const logBytes = () => statSync(join(folder, 'callbacks.sqlite-wal')).size
  for (let n = 0; n < 20; n += 1) {
    t.equal(await put(spool, `r${n}`, `${n}`.repeat(500_000)), 'spooled')
    await nextTurn()
  }
  t.ok(logBytes() < 10e6, `${logBytes()} bytes`)
  for (let n = 0; n < 1000; n += 1) await put(spool, 'many', `${n}`)
  t.ok(logBytes() < 10e6, `${logBytes()} bytes`)
  for (const { seq } of allOf(spool)) {
    spool.remove(seq)
    await nextTurn()
  }
  await nextTurn()
  t.equal(logBytes(), 0, 'and is cut off once nothing waits')
})

t.test('what was altered on disk is not opened', async (t) => {
  const folder = folderOf(t)
  await leave(t, folder, 'a')
  alter(folder, "UPDATE spooled SET requestId = 'two'")
  const again = open(t, folder)
  const row = again.next(0)
  t.equal(row?.requestId, 'two')
  t.throws(() => row && again.open(row))
})

t.test(
  'the same callback takes the place of one that cannot be opened, where it fits',
  async (t) => {
    const folder = folderOf(t)
    const first = open(t, folder, { cipher: createCipher([secretKey('k2')]) })
    await put(first, 'one', 'a')
    await put(first, 'one', 'b')
    const { bytes } = first.usage()
    first.close()
    const full = open(t, folder, { mostOfRequest: 1 })
    t.equal(await put(full, 'one', 'a'), 'too-many')
    t.match(full.usage(), { entries: 2, bytes }, 'then the one that is there stays')
    full.close()
    const spool = open(t, folder, { mostOfRequest: 2, mostBytes: bytes })
    for (const row of allOf(spool)) t.throws(() => spool.open(row))
    t.equal(spool.next(0), null, 'none is tried twice')
    t.match(spool.usage(), { entries: 2, unopened: 2 })
    t.same(await Promise.all([1, 2].map(() => put(spool, 'one', 'a'))), ['spooled', 'duplicate'])
    t.same(textsOf(spool), ['a'])
    t.match(spool.usage(), { entries: 2, bytes, unopened: 1 })
    spool.close()
    t.match(open(t, folder).usage(), { entries: 2, bytes }, 'as it is counted anew')
  }
)

t.test('with another key it is not opened, and stays; with both it is', async (t) => {
  const folder = folderOf(t)
  await leave(t, folder, 'a')
  const other = secretKey('k2')
  const second = open(t, folder, { cipher: createCipher([other]) })
  const row = second.next(0)
  t.throws(() => row && second.open(row), /'k1', which SECRET_KEYS lacks/)
  t.equal(second.usage().entries, 1)
  second.close()
  t.same(textsOf(open(t, folder, { cipher: createCipher([other, KEY]) })), ['a'])
})

t.test('a folder is of one process alone', async (t) => {
  const folder = folderOf(t)
  const spool = open(t, folder)
  const program = `
    import { openSpool } from './src/spool/spool.ts'
    try { openSpool({ folder: ${JSON.stringify(folder)}, mostBytes: 1, mostOfRequest: 1, mostBytesOfRequest: 1, leaveFree: 0 }) }
    catch (error) { console.log(error.message) }`
  const told = async () => (await run(program)).trim()
  t.match(await told(), /^SPOOL_DIR is used by another process/)
  await put(spool, 'one', 'a')
  t.match(await told(), /^SPOOL_DIR is used by another process/)
  spool.close()
  t.equal(await told(), '')
})

t.test('what a process that is killed had been told is spooled is there afterwards', async (t) => {
  const folder = folderOf(t)
  const program = `
    import { openSpool } from './src/spool/spool.ts'
    const cipher = { encrypt: (plain) => Buffer.from(plain), decrypt: (sealed) => Buffer.from(sealed) }
    const bounds = { mostBytes: 1e9, mostOfRequest: 1e9, mostBytesOfRequest: 1e9, leaveFree: 0 }
    const spool = openSpool({ folder: ${JSON.stringify(folder)}, ...bounds, cipher })
    for (let n = 0; ; n += 1) {
      const callback = { requestId: 'one', attempt: 1, callbackId: String(n), isEncoded: false, receivedAt: n }
      console.log(await spool.put(callback, Buffer.from(String(n))), n)
    }`
  const child = start(program)
  let told = ''
  for await (const chunk of child.stdout) {
    told += String(chunk)
    if (told.split('\n').length > 50) child.kill('SIGKILL')
  }
  const last = Number(told.split('\n').at(-2)?.split(' ')[1])
  const seqs = allOf(open(t, folder)).map(({ callbackId }) => Number(callbackId))
  t.ok(last >= 49)
  t.same(
    seqs.slice(0, last + 1),
    Array.from({ length: last + 1 }, (_, n) => n)
  )
})

t.test('a folder that can’t be written is an error that names SPOOL_DIR', async (t) => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'file'), '')
  t.throws(() => openSpool({ ...SETTINGS, folder: join(folder, 'file') }), {
    name: 'SpoolError',
    message: /^SPOOL_DIR names a folder that cannot be written \(E[A-Z]+\)$/
  })
})

t.test('a damaged file is an error, and left as it is', async (t) => {
  const folder = folderOf(t)
  const file = join(folder, 'callbacks.sqlite')
  const spool = open(t, folder)
  for (let n = 0; n < 5; n += 1) await put(spool, 'one', randomBytes(9000).toString('hex'))
  spool.close()
  const sound = readFileSync(file)
  const broken = Buffer.from(sound).fill(0xff, PAGE_BYTES, 3 * PAGE_BYTES)
  for (const bytes of [Buffer.from('no database'.repeat(999)), broken]) {
    writeFileSync(file, bytes)
    t.throws(() => openSpool({ ...SETTINGS, folder }), {
      name: 'SpoolError',
      message: /^SPOOL_DIR holds a damaged callbacks.sqlite: move it away, and keep it$/
    })
    t.ok(readFileSync(file).equals(bytes))
  }
})

t.test('a file of a newer version is an error', async (t) => {
  const folder = folderOf(t)
  open(t, folder).close()
  alter(folder, 'PRAGMA user_version = 2')
  t.throws(() => openSpool({ ...SETTINGS, folder }), /^SPOOL_DIR holds .* newer version$/)
})

function start(program: string) {
  const args = ['--input-type=module-typescript', '--eval', program]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function run(program: string): Promise<string> {
  const child = start(program)
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(child, 'close')
  return text
}
