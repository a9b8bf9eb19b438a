import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { noteSealed } from '../../helpers/seals.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

// Bodies over HTTP/1.0 that announce no length: nobody can tell whether they came whole.

const BODY = bytes(ok()).toString()
const BODY_LIMIT = 100_000

async function open(t: Test, changes: Parameters<typeof openPublic>[2] = {}) {
  const service = await openServerService(t)
  const { seal, sealed } = noteSealed(service.seal)
  const opened = await openPublic(t, service, { bodyLimit: BODY_LIMIT, seal, ...changes })
  const requestId = await askIn(service, 'awaiting-callback')
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  /** Writes the parts, with a pause behind each; ends where `ends`. All that comes back. */
  const send = async (parts: readonly string[], ends = true): Promise<string> => {
    const { hostname, port } = new URL(opened.address)
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    let text = ''
    socket.setEncoding('latin1').on('data', (part) => (text += part))
    await once(socket, 'connect')
    for (const part of parts) {
      socket.write(part)
      await pause(20)
    }
    if (ends) socket.end()
    await new Promise((resolve) => socket.once('end', resolve).once('close', resolve))
    socket.destroy()
    return text
  }
  const kept = async () => {
    const items = await service.quarantine.list(null, 10)
    return Promise.all(
      items.map(async (one) => ({
        kind: one.kind,
        body: (await service.quarantine.open(one))?.toString(),
        faults: one.faults
      }))
    )
  }
  return { ...opened, service, sealed, requestId, path: `/callbacks/${token}`, send, kept }
}

const head = (path: string, headers = '') => `POST ${path} HTTP/1.0\r\n${headers}\r\n`

for (const [what, sending] of [
  ['one packet', (path) => [head(path) + BODY]],
  [
    'its head alone, and packets behind it',
    (path) => [head(path), ...(BODY.match(/.{1,60}/g) ?? [])]
  ],
  ['packets', (path) => [head(path) + BODY.slice(0, 9), BODY.slice(9, 50), BODY.slice(50)]],
  [
    'packets on a kept connection',
    (path) => [head(path, 'Connection: keep-alive\r\n') + BODY.slice(0, 9), BODY.slice(9)]
  ]
] as const satisfies readonly [string, (path: string) => string[]][]) {
  t.test(`a body without a length in ${what} is kept as it came, and answered 400`, async (t) => {
    const { send, path, kept, counted, service, sealed, requestId } = await open(t)
    const answer = await send(sending(path))
    t.match(answer, /^HTTP\/1\.1 400 .*\r\nconnection: close\r\n.*"quarantineId":"/is)
    t.same(counted, ['not-json'])
    t.match(await kept(), [{ kind: 'not-json', body: BODY, faults: [{ rule: 'content-length' }] }])
    t.same((await service.ledger.load(requestId))?.pending, [])
    t.same(sealed, [BODY], 'it is encrypted where large bodies are')
  })
}

t.test('a sender that waits for the answer gets it once it has been silent', async (t) => {
  const { send, path, kept } = await open(t)
  t.match(await send([head(path), BODY], false), /^HTTP\/1\.1 400 .*"quarantineId"/s)
  t.match(await kept(), [{ body: BODY }])
})

t.test('a body without a length above the limit is 413', async (t) => {
  const { send, path, kept, counted } = await open(t)
  const answer = await send([head(path), '{"a":"', ' '.repeat(BODY_LIMIT), '"}'])
  t.match(answer, /^HTTP\/1\.1 413 .*"too-large"/s)
  t.same(counted, ['too-large'])
  t.same(await kept(), [])
})

t.test('an unknown capability is 404, and of the body behind it one packet is read', async (t) => {
  const { send, counted, kept } = await open(t)
  t.match(await send([head('/callbacks/k1.forged') + BODY, BODY, BODY]), /^HTTP\/1\.1 404 /)
  t.same(counted, ['not-found'])
  t.same(await kept(), [])
})

t.test('503, and nothing on the disk, where it cannot be kept now', async (t) => {
  const { send, path } = await open(t, {
    canStore: () => false,
    spool: {
      hasRoom: () => true,
      holds: () => false,
      put: async () => Promise.reject(new Error('it is not to be put'))
    }
  })
  t.match(await send([head(path) + BODY]), /^HTTP\/1\.1 503 .*\r\nretry-after: /is)
})

t.test('with a length, HTTP/1.0 is as good as HTTP/1.1', async (t) => {
  const { send, path } = await open(t)
  const answer = await send([head(path, `Content-Length: ${BODY.length}\r\n`) + BODY])
  t.match(answer, /^HTTP\/1\.1 200 .*"accepted"/s)
})
