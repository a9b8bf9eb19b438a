import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { until } from '../../helpers/until.ts'
import { call } from '../../helpers/wire.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

// Clients that write a body which nobody reads, and look for the answer no sooner than they have written it all.

const BODY_LIMIT = 1_000_000
const CHUNK = Buffer.alloc(256 * 1024, ' ')

async function open(t: Test) {
  const service = await openServerService(t)
  const opened = await openPublic(t, service, { bodyLimit: BODY_LIMIT })
  const requestId = await askIn(service, 'awaiting-callback')
  const path = `/callbacks/${service.capabilities.sign({ requestId, attempt: 1 })}`
  const { hostname, port } = new URL(opened.address)
  const dial = () => {
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true }).pause()
    // Whoever writes is told as well.
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    return socket
  }
  return { ...opened, path, dial }
}

const head = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`

/** Resolves once all of it has left this process; rejects where the other side has reset the connection. */
function write(socket: Socket, data: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()))
  })
}

/** All that comes until the other side closes. */
async function read(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (part) => (text += part))
  await once(socket.resume(), 'end')
  return text
}

for (const [what, status, length, isForged] of [
  ['a stranger who writes 8 MB', 404, 8_000_000, true],
  ['a callback of 12 MB, over the limit', 413, 12_000_000, false]
] as const) {
  t.test(`${what} before it reads hears ${status}`, async (t) => {
    const { dial, path, counted } = await open(t)
    const socket = dial()
    await write(socket, head(isForged ? '/callbacks/k1.forged' : path, length))
    await until('it is answered', () => counted.length > 0)
    await write(socket, Buffer.alloc(length, ' '))
    t.match(
      await read(socket),
      new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\nconnection: close\\r\\n`, 's')
    )
  })
}

t.test('what comes behind a body that was not read is not served', async (t) => {
  const { dial, path, counted, address } = await open(t)
  const socket = dial()
  await write(socket, head('/callbacks/k1.forged', 4))
  await until('it is answered', () => counted.length > 0)
  const body = bytes(ok()).toString()
  await write(socket, `1234${head(path, body.length)}${body}`)
  t.match(await read(socket), /^HTTP\/1\.1 404 (?!.*HTTP\/1\.1)/s)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.end()
  await closed
  // The same again would be a duplicate.
  const answer = await call(address + path, { method: 'POST', body })
  t.match(answer.json, { status: 'accepted' })
  t.same(counted, ['not-found', 'accepted'])
})

t.test('a stranger who writes on and on is ended', async (t) => {
  const { dial } = await open(t)
  const socket = dial()
  await write(socket, head('/callbacks/k1.forged', 1e12))
  const writing = async () => {
    for (;;) await write(socket, CHUNK)
  }
  await t.rejects(writing(), { code: /^(?:ECONNRESET|EPIPE)$/ })
  t.ok(socket.bytesWritten > CHUNK.length, 'but not at once')
})

t.test('a stranger who neither writes on nor goes is ended', async (t) => {
  const { dial, counted } = await open(t)
  const socket = dial()
  await write(socket, `${head('/callbacks/k1.forged', 1000)} `)
  await until('it is answered', () => counted.length > 0)
  // It hears the end, and keeps its own half open.
  t.match(await read(socket), /^HTTP\/1\.1 404 /)
  const beating = setInterval(() => socket.write(' '), 200)
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(beating)
  t.pass('it is')
})
