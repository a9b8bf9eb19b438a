import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createCursors, type ListName } from '../../../src/crypto/signed-cursor.ts'
import { holds } from '../../helpers/holds.ts'
import { secretKey } from '../../helpers/service.ts'

const k1 = secretKey('k1')
const k2 = secretKey('k2')
const cursors = createCursors([k1])
const LIST: ListName = ['requests', 'parked', null, null, null]
const POSITION = '01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'

t.test('a cursor holds its position, whatever that is', async (t) => {
  t.equal(cursors.read(LIST, cursors.make(LIST, POSITION)), POSITION)
  holds(t, fc.tuple(fc.array(fc.string()), fc.string({ minLength: 1 })), ([list, position]) => {
    const isText = Buffer.from(position).toString() === position
    return !isText || cursors.read(list, cursors.make(list, position)) === position
  })
  t.match(cursors.make(LIST, POSITION), /^[\w-]{50,100}$/, 'short, and needs no escape in a URL')
})

t.test('every key verifies, and the first one makes', async (t) => {
  const older = cursors.make(LIST, POSITION)
  const rotated = createCursors([k2, k1])
  t.equal(rotated.read(LIST, older), POSITION)
  t.not(rotated.make(LIST, POSITION), older)
  t.equal(cursors.read(LIST, rotated.make(LIST, POSITION)), null, 'a key that is not there')
  t.equal(createCursors([k1, k2]).read(LIST, rotated.make(LIST, POSITION)), POSITION)
})

t.test('a cursor of another list is none', async (t) => {
  const cursor = cursors.make(LIST, POSITION)
  const others: readonly ListName[] = [
    ['quarantine'],
    ['requests', null, null, null, null],
    ['requests', null, 'parked', null, null],
    ['requests', 'parked', null, null, ''],
    ['requests', 'parked', null, null],
    ['requests', 'failed', null, null, null],
    []
  ]
  for (const other of others) t.equal(cursors.read(other, cursor), null, JSON.stringify(other))
})

t.test('what was not made to the letter is no cursor', async (t) => {
  const cursor = cursors.make(LIST, POSITION)
  const bytes = Buffer.from(cursor, 'base64url')
  const flipped = [...Array(bytes.length * 8).keys()].map((bit) => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    return copy.toString('base64url')
  })
  const shorter = [...Array(cursor.length).keys()].map((length) => cursor.slice(0, length))
  const spelled = [
    `${cursor}=`,
    ` ${cursor}`,
    `${cursor}\n`,
    `${cursor}!`,
    bytes.toString('base64')
  ]
  const invented = [POSITION, '0', 'null', randomBytes(60).toString('base64url'), 'A'.repeat(70)]
  const wrong = [...flipped, ...shorter, ...spelled, ...invented].filter((text) => text !== cursor)
  t.same(
    wrong.filter((text) => cursors.read(LIST, text) !== null),
    []
  )
  holds(t, fc.string(), (text) => cursors.read(LIST, text) === null)
})
