import { once } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { connect, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { type Part, plain, SENDINGS, SIZES } from './senders.ts'
import type { Front } from './front.ts'
import { type Behind, bodyOf } from './in-front.ts'
import { writeOver } from './tls-client.ts'
import { until } from './until.ts'
import { resultJobs } from './world.ts'

/** All of the callback has been written by then. */
const CLOSINGS: Readonly<Record<string, (socket: TLSSocket) => void>> = {
  'half-closes behind it': (socket) => void socket.end(),
  'closes at once': (socket) => {
    socket.end()
    socket.destroy()
  }
}

/** A callback comes through the proxy although its sender closes the connection right behind it. */
export async function servesClosers(t: Test, behind: Behind, front: Front): Promise<void> {
  for (const [size, body] of Object.entries(SIZES)) {
    for (const [how, sending] of Object.entries(SENDINGS)) {
      for (const [what, close] of Object.entries(CLOSINGS)) {
        await t.test(`${size} ${how} arrives where its sender ${what}`, async (t) => {
          const { path, requestId } = await behind.awaiting()
          const parts = sending(path, body)
          const response = await untilDelivered(behind, front, requestId, () =>
            sendAndClose(front, parts, close)
          )
          t.ok(isDeepStrictEqual(response, JSON.parse(body.toString())), 'deep-equal')
        })
      }
    }
  }
}

/** A busy machine may not store so much in time, and says 503: then it is sent again, and in no other case. */
async function untilDelivered(
  { world }: Behind,
  front: Front,
  requestId: string,
  send: () => Promise<void>
): Promise<unknown> {
  const refused = async () => (await front.lines()).filter(({ status }) => status === 503).length
  let known = await refused()
  await send()
  const job = await until('it is delivered', async () => {
    const count = await refused()
    if (count > known) await send()
    known = count
    return (await resultJobs(world)).find(({ id }) => id === requestId)
  })
  return job.data.response
}

/** One slash too many behind a capability or before it does not keep a callback from its server; two of them do. */
export async function servesSlashes(t: Test, behind: Behind, front: Front): Promise<void> {
  await t.test('a slash too many in its path does not have a callback refused', async (t) => {
    for (const [status, way] of SLASHES) {
      const { path } = await behind.awaiting()
      const altered = way(path)
      const body = Buffer.from(bodyOf())
      const answer = await writeOver(front, `${plain(altered, body)}${body.toString()}`)
      t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), way('/callbacks/{c}'))
    }
  })
}

const SLASHES: readonly [status: number, way: (path: string) => string][] = [
  [200, (path) => `${path}/`],
  [200, (path) => `/${path}`],
  [200, (path) => path.replace('/callbacks/', '/callbacks//')],
  [404, (path) => `/${path}/`],
  [404, (path) => `${path}/x`]
]

async function sendAndClose(
  { url, ca }: Front,
  parts: readonly Part[],
  close: (socket: TLSSocket) => void
): Promise<void> {
  const { hostname, port } = new URL(url)
  // With TLS 1.3 a server sends tickets behind the handshake. Unread at the close they make it a reset, and then the
  // sender's own machine throws away what is still on its way.
  const maxVersion = 'TLSv1.2'
  const socket = connect({ host: hostname, port: Number(port), ca, maxVersion })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  for (const part of parts) await new Promise((resolve) => socket.write(part, resolve))
  close(socket)
  if (!socket.destroyed) await once(socket.resume(), 'close')
}
