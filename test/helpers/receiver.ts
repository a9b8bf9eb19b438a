import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** A callback as it came in, and the status it was answered with. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A small HTTP receiver that answers one status after the other, and at last always 200. */
export async function startReceiver(...statuses: number[]) {
  const received: Received[] = []
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const { url: path = '', headers } = request
    received.push({ path, headers, body: await buffer(request) })
    response.writeHead(statuses.shift() ?? 200).end('noted')
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close() {
      server.closeAllConnections()
      server.close()
    }
  }
}
