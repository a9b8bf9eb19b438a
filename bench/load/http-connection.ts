import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** An HTTP/1.1 connection with at most one call in flight. It is opened again where the receiver closed it. */
export interface HttpConnection {
  /** Sends a call and resolves with the status of its answer. */
  call(head: string, tail: Buffer): Promise<number>
  close(): void
}

/** Below this size one write of one buffer is cheaper than two that leave together. */
const SMALL = 16_384

export async function openConnection(port: number): Promise<HttpConnection> {
  let socket = await open(port)
  return {
    async call(head, tail) {
      if (socket.destroyed) socket = await open(port)
      const status = answerOn(socket)
      send(socket, head, tail)
      return status
    },
    close: () => void socket.destroy()
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  socket.setEncoding('latin1')
  // An error is followed by `close`, which settles the call in flight.
  socket.on('error', () => {})
  return socket
}

function send(socket: Socket, head: string, tail: Buffer): void {
  if (tail.length < SMALL) {
    socket.write(Buffer.concat([Buffer.from(head, 'latin1'), tail]))
    return
  }
  socket.cork()
  socket.write(head, 'latin1')
  socket.write(tail)
  socket.uncork()
}

function answerOn(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const settle = () => socket.off('data', read).off('close', closed)
    const closed = () => {
      settle()
      reject(new Error('the connection was closed instead of an answer'))
    }
    const read = (text: string) => {
      answer += text
      const end = endOfAnswer(answer)
      if (end === null || answer.length < end) return
      settle()
      if (/\r\nconnection: *close\r\n/i.test(answer)) socket.destroy()
      resolve(Number(answer.slice(9, 12)))
    }
    socket.on('data', read).on('close', closed)
  })
}

/** Where the answer ends; null while its headers are incomplete. Every receiver here gives a Content-Length. */
function endOfAnswer(answer: string): number | null {
  const headers = answer.indexOf('\r\n\r\n')
  if (headers < 0) return null
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, headers + 2)) ?? []
  return headers + 4 + Number(length ?? 0)
}
