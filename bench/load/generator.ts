import { createHistogram } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type Body, bodyOf } from './bodies.ts'
import { type HttpConnection, openConnection } from './http-connection.ts'
import type { Order, Report } from './order.ts'

/**
 * The load generator, a process of its own: raw sockets, HTTP/1.1 with keep-alive, one call in flight per connection.
 * Each line of stdin is an order in JSON; each line of stdout is its report, or an `error`.
 */
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await run(JSON.parse(line) as Order).catch(({ message }: Error) => ({
    error: message
  }))
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

async function run(order: Order): Promise<Report> {
  const body = bodyOf(order.body)
  const open = Array.from({ length: order.connections }, () => openConnection(order.port))
  const connections = await Promise.all(open)
  const times = createHistogram()
  const statuses: Record<string, number> = {}
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  try {
    const note = (status: number, ms: number) => {
      statuses[status] = (statuses[status] ?? 0) + 1
      times.record(Math.max(1, Math.round(ms * 1000)))
      if (order.statuses.length > 0 && !order.statuses.includes(status)) {
        throw new Error(`a call was answered ${status} instead of ${order.statuses.join(' or ')}`)
      }
    }
    const next = schedule(order, start)
    await Promise.all(connections.map((one) => keepCalling(one, order, body, next, note)))
  } finally {
    for (const connection of connections) connection.close()
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  const seconds = (performance.now() - start) / 1000
  const at = (percent: number) => times.percentile(percent) / 1000
  return {
    count: times.count,
    seconds,
    ...{ p50: at(50), p99: at(99), p999: at(99.9), most: times.max / 1000 },
    cpuSeconds: (user + system) / 1e6,
    statuses
  }
}

/** The number of the next call, and the instant at which it is due; null when the run is over. */
type Next = () => { readonly index: number; readonly dueAt: number } | null

function schedule({ seconds, count, paths, perSecond }: Order, start: number): Next {
  const most = Math.min(count ?? Infinity, paths.length > 1 ? paths.length : Infinity)
  const end = start + seconds * 1000
  let index = 0
  return () => {
    const now = performance.now()
    const dueAt = perSecond === undefined ? now : start + (index * 1000) / perSecond
    if (index >= most || Math.max(now, dueAt) >= end) return null
    return { index: index++, dueAt }
  }
}

/**
 * A paced call that no connection was free to send counts from the instant at which it was due. Otherwise a slow
 * receiver would hide its own waiting time.
 */
async function keepCalling(
  connection: HttpConnection,
  order: Order,
  { head, tail, newId }: Body,
  next: Next,
  note: (status: number, ms: number) => void
): Promise<void> {
  const bodyBytes = Buffer.byteLength(head) + newId().length + tail.length
  for (let call = next(); call !== null; call = next()) {
    const early = call.dueAt - performance.now()
    if (early > 0) await pause(early)
    const since = early > 0 ? performance.now() : call.dueAt
    const path = order.paths[order.paths.length > 1 ? call.index : 0] ?? ''
    const lines = headOf(order, path, bodyBytes)
    const status = await connection.call(lines + head + newId(), tail)
    note(status, performance.now() - since)
  }
}

function headOf({ method, token }: Order, path: string, bodyBytes: number): string {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  const content =
    method === 'GET' ? '' : `Content-Type: application/json\r\nContent-Length: ${bodyBytes}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${authorization}${content}\r\n`
}
