import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import {
  CHUNKED,
  head,
  type Part,
  plain,
  type Sending,
  SENDINGS,
  SIZES
} from '../../helpers/senders.ts'
import type { Service } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

// Senders that close the connection right behind a callback, or in the middle of it.

const [SMALL = Buffer.alloc(0), LARGE = Buffer.alloc(0)] = Object.values(SIZES)

type Closing = (socket: Socket) => void

/** All of it has been written by then. */
const CLOSINGS: Readonly<Record<string, Closing>> = {
  'half-closes behind it': (socket) => void socket.end(),
  'closes at once': (socket) => {
    socket.end()
    socket.destroy()
  }
}

interface Opened {
  readonly service: Service
  readonly counted: string[]
  readonly path: string
  readonly requestId: string
  dial(): Promise<Socket>
  /** Resolves once the listener has no connection any more. */
  gone(): Promise<unknown>
}

type Changes = NonNullable<Parameters<typeof openPublic>[2]>

async function open(t: Test, changes: (service: Service) => Changes = () => ({})): Promise<Opened> {
  const service = await openServerService(t)
  const { address, counted, app } = await openPublic(t, service, changes(service))
  let connections = 0
  app.server.on('connection', (socket: Socket) => {
    connections += 1
    socket.once('close', () => (connections -= 1))
  })
  const requestId = await askIn(service, 'awaiting-callback')
  const { hostname, port } = new URL(address)
  return {
    service,
    counted,
    requestId,
    gone: () => until('the connection has gone', () => connections === 0),
    path: `/callbacks/${service.capabilities.sign({ requestId, attempt: 1 })}`,
    async dial() {
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
      socket.on('error', () => {})
      t.teardown(() => socket.destroy())
      await once(socket, 'connect')
      return socket
    }
  }
}

function write(socket: Socket, data: Part): Promise<void> {
  return new Promise((resolve) => socket.write(data, () => resolve()))
}

/** All that comes until the other side closes. */
async function read(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (part) => (text += part))
  // A reset is an end like any other.
  await new Promise((resolve) => socket.resume().once('end', resolve).once('close', resolve))
  return text
}

const linesOf = ({ service }: Opened, msg: string) =>
  service.lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['msg'] === msg)

for (const [size, body] of Object.entries(SIZES)) {
  for (const [how, sending] of Object.entries(SENDINGS)) {
    for (const [what, close] of Object.entries(CLOSINGS)) {
      t.test(`${size} ${how} is stored where its sender ${what}`, async (t) => {
        const opened = await open(t)
        for (let number = 1; number <= 5; number += 1) {
          const socket = await opened.dial()
          const answered = what.startsWith('half') ? read(socket) : null
          for (const part of sending(opened.path, body)) await write(socket, part)
          close(socket)
          if (answered !== null) t.match(await answered, /^HTTP\/1\.1 200 /)
          await until('it is stored', () => opened.counted.length === number)
        }
        t.same(opened.counted, ['accepted', ...Array(4).fill('duplicate')])
        const stored = (await opened.service.ledger.load(opened.requestId))?.pending
        t.match(stored, [{ size: body.length }])
      })
    }
  }
}

/** A listener whose Redis answers nothing before `release` is called. */
async function openHeld(t: Test) {
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  let asked = 0
  const hold = async () => {
    asked += 1
    await held
  }
  const opened = await open(t, ({ ledger }) => ({
    ledger: {
      ...ledger,
      has: (id: string) => hold().then(() => ledger.has(id)),
      receive: (...args) => hold().then(() => ledger.receive(...args))
    }
  }))
  const isAsked = () => until('Redis is asked', () => asked > 0)
  return { ...opened, isAsked, release: () => release() }
}

t.test('a callback is stored although its connection is reset while Redis is asked', async (t) => {
  const { dial, path, counted, isAsked, release, gone } = await openHeld(t)
  const socket = await dial()
  await write(socket, plain(path, SMALL) + SMALL.toString())
  await isAsked()
  socket.resetAndDestroy()
  await gone()
  release()
  await until('it is stored', () => counted.length > 0)
  t.same(counted, ['accepted'])
})

t.test('so are those that were sent ahead of its answer', async (t) => {
  const { dial, path, counted, isAsked, release, gone } = await openHeld(t)
  const socket = await dial()
  const bodies = ['a', 'b', 'c'].map((OperationId) => bytes(ok({ OperationId })).toString())
  await write(socket, bodies.map((body) => plain(path, Buffer.from(body)) + body).join(''))
  await isAsked()
  socket.resetAndDestroy()
  await gone()
  release()
  await until('they are stored', () => counted.length === 3)
  t.same(counted, ['accepted', 'accepted', 'accepted'])
})

t.test(
  'all of the requests that come before the end of a half-closed connection are answered',
  async (t) => {
    const { dial, path } = await open(t)
    const socket = await dial()
    await write(socket, (plain(path, SMALL) + SMALL.toString()).repeat(3))
    socket.end()
    t.match(await read(socket), /^(?:HTTP\/1\.1 200 [^]*?){3}$/)
  }
)

t.test('a large callback whose connection is reset is stored or told of', async (t) => {
  const { dial, path, counted } = await open(t)
  for (let number = 1; number <= 5; number += 1) {
    const socket = await dial()
    await write(socket, plain(path, LARGE))
    await write(socket, LARGE)
    socket.resetAndDestroy()
    await until('it is counted', () => counted.length === number)
  }
  t.ok(
    counted.every((status) => /^(?:accepted|duplicate|incomplete)$/.test(status)),
    String(counted)
  )
})

const HALF = SMALL.subarray(0, 40)
const BREAKS: readonly [
  what: string,
  sent: Sending,
  announced: boolean,
  close: Closing,
  answer: RegExp
][] = [
  [
    'half-closes in the middle',
    (path, body) => [plain(path, body), HALF],
    true,
    (s) => s.end(),
    /^HTTP\/1\.1 400 /
  ],
  [
    'resets in the middle',
    (path, body) => [plain(path, body), HALF],
    true,
    (s) => void s.resetAndDestroy(),
    /^$/
  ],
  [
    'half-closes before the last chunk',
    (path) => [head(path, CHUNKED), '28\r\n', HALF, '\r\n'],
    false,
    (s) => s.end(),
    /^HTTP\/1\.1 400 /
  ],
  [
    'breaks the chunks',
    (path) => [head(path, CHUNKED), '28\r\n', HALF, '\r\nzz\r\n'],
    false,
    () => {},
    /^HTTP\/1\.1 400 /
  ],
  [
    'stays silent in the middle',
    (path, body) => [plain(path, body), HALF],
    true,
    () => {},
    /^HTTP\/1\.1 408 /
  ]
]

for (const [what, sending, isAnnounced, close, expected] of BREAKS) {
  t.test(`a callback whose sender ${what} leaves a line and a count`, async (t) => {
    const limits = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 20 }
    const opened = await open(t, () => ({ limits }))
    const { dial, path, requestId, counted, service } = opened
    const socket = await dial()
    const answered = read(socket)
    for (const part of sending(path, SMALL)) await write(socket, part)
    await pause(50)
    close(socket)
    await until('it is counted', () => counted.length > 0)
    t.match(await answered, expected)
    t.same(counted, ['incomplete'])
    const fields = {
      requestId,
      attempt: 1,
      received: 40,
      announced: isAnnounced ? SMALL.length : null
    }
    t.match(linesOf(opened, 'callback incomplete'), [{ level: 40, ...fields }])
    t.same((await service.ledger.load(requestId))?.pending, [])
    t.equal((await service.quarantine.usage()).entries, 0)
  })
}

t.test('nothing is told of a body that breaks off behind a forged capability', async (t) => {
  const opened = await open(t)
  const socket = await opened.dial()
  await write(socket, plain(`${opened.path}x`, SMALL))
  await until('it is refused', () => opened.counted.length > 0)
  socket.end()
  t.match(await read(socket), /^HTTP\/1\.1 404 /)
  t.same(opened.counted, ['not-found'])
  t.same(linesOf(opened, 'callback incomplete'), [])
})

t.test('nor of one that was refused, and whose rest was never sent', async (t) => {
  const opened = await open(t, () => ({ bodyLimit: 100 }))
  const socket = await opened.dial()
  await write(socket, head(opened.path, 'Content-Length: 1000\r\n'))
  await until('it is refused', () => opened.counted.length > 0)
  socket.end()
  t.match(await read(socket), /^HTTP\/1\.1 413 /)
  await opened.gone()
  t.same(opened.counted, ['too-large'])
})

for (const [what, text] of [
  ['nothing was asked', ''],
  ['half a head was sent', 'POST /callbacks/k1 HT'],
  ['a request was answered', 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n']
] as const) {
  t.test(`a half-closed connection is closed where ${what}`, async (t) => {
    const { dial, gone } = await open(t)
    const socket = await dial()
    if (text !== '') await write(socket, text)
    socket.end()
    await read(socket)
    await gone()
    t.pass('it is')
  })
}
