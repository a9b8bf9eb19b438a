import { once } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { connect, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { type Part, plain, SENDINGS, SIZES } from '../support/senders.ts'
import type { Front } from './front.ts'
import { type Behind, bodyOf } from './in-front.ts'
import { writeOver } from './tls-client.ts'
import { resultsOf } from './world.ts'

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
          const requests = await Promise.all([behind.awaiting(), behind.awaiting()])
          for (const { path } of requests) await sendAndClose(front, sending(path, body), close)
          const ids = requests.map(({ requestId }) => requestId)
          const jobs = await resultsOf(behind.world, ids)
          const expected: unknown = JSON.parse(body.toString())
          for (const id of ids) {
            t.ok(isDeepStrictEqual(jobs.get(id)?.data.response, expected), 'deep-equal')
          }
        })
      }
    }
  }
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
  const socket = connect({ host: hostname, port: Number(port), ca })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  for (const part of parts) await new Promise((resolve) => socket.write(part, resolve))
  close(socket)
  if (!socket.destroyed) await once(socket.resume(), 'close')
}
