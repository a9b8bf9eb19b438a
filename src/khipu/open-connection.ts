import { once } from 'node:events'
import { request } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Proxy } from '../config/proxy.ts'

/** A proxy's answer to CONNECT other than 2xx: there is no tunnel, and nothing was sent to Khipu. */
export class TunnelRefused extends Error {
  override readonly name = 'TunnelRefused'
  readonly status: number
  constructor(status: number) {
    super('the proxy refused to open a tunnel')
    this.status = status
  }
}

/**
 * Opens a separate connection to an origin, including TLS, through the proxy if there is one. Until it resolves, no
 * byte of a request has been sent. Every error rejects, and the proxy is never bypassed.
 */
export async function connect(
  origin: URL,
  proxy: Proxy | null,
  signal: AbortSignal
): Promise<Socket> {
  if (proxy === null) return secure(origin, await open(origin, signal), signal)
  const toProxy = await secure(proxy.origin, await open(proxy.origin, signal), signal)
  return secure(origin, await tunnel(origin, proxy, toProxy, signal), signal)
}

function open(url: URL, signal: AbortSignal): Promise<Socket> {
  return settled(connectTcp({ host: hostOf(url), port: portOf(url) }), 'connect', signal)
}

async function secure(url: URL, socket: Socket, signal: AbortSignal): Promise<Socket> {
  if (url.protocol !== 'https:') return socket
  const host = hostOf(url)
  // The host name to check against the certificate. TLS does not allow an address there.
  const servername = isIP(host) === 0 ? host : ''
  const secured = connectTls({ socket, host, servername, ALPNProtocols: ['http/1.1'] })
  return settled(secured, 'secureConnect', signal)
}

/** `CONNECT host:port` for every scheme. Only then is it certain what has reached Khipu. */
async function tunnel(
  origin: URL,
  { authorization }: Proxy,
  toProxy: Socket,
  signal: AbortSignal
): Promise<Socket> {
  const authority = `${origin.hostname}:${portOf(origin)}`
  const asking = request({
    method: 'CONNECT',
    path: authority,
    headers: {
      host: authority,
      ...(authorization !== null && { 'proxy-authorization': authorization })
    },
    createConnection: () => toProxy
  })
  try {
    const answered = once(asking, 'connect', { signal })
    asking.end()
    const [{ statusCode }, socket, rest] = (await answered) as ConnectEvent
    if (statusCode < 200 || statusCode > 299) throw new TunnelRefused(statusCode)
    if (rest.length > 0) socket.unshift(rest)
    return socket
  } catch (error) {
    asking.on('error', () => {}).destroy()
    toProxy.destroy()
    throw error
  }
}

type ConnectEvent = [answer: { readonly statusCode: number }, socket: Socket, rest: Buffer]

async function settled(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal
): Promise<Socket> {
  // Later errors are reported by the request on the socket. An error without a listener would end the process.
  socket.on('error', () => {})
  try {
    await once(socket, event, { signal })
    return socket.setNoDelay()
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Node expects an IPv6 address without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}
