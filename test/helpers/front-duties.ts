import type { Test } from 'tap'
import { transactionsOf } from '../../simulator/transactions.ts'
import { noOpenssl } from './certificates.ts'
import { findProgram } from './debian-program.ts'
import type { Front } from './front.ts'
import { type Awaiting, type Behind, bodyOf, isUntold, post } from './in-front.ts'
import { callOver } from './tls-client.ts'
import { until } from './until.ts'
import { atRest } from './world.ts'

// What each proxy of deploy/ must do in front of two real servers.

export const BODY_LIMIT = 10_485_760
/** About 3 MB, and more than a proxy keeps in memory. */
export const LARGE = bodyOf(transactionsOf('1005-0001', 4000))

type Answered = ReturnType<typeof post>
/** Posts a callback through the proxy. */
type Send = (request: Awaiting, body: string) => Answered

/** The executable of a proxy, or why it cannot be tried here. */
export async function findFront(
  name: string,
  versionArgument: string
): Promise<{ readonly program: string; readonly skip: string | false }> {
  const found = await findProgram(name, versionArgument)
  if ('hindrance' in found) return { program: '', skip: found.hindrance }
  return { program: found.path, skip: await noOpenssl() }
}

/** A callback comes through TLS, and its request ends; how it was answered. */
export async function comesThrough(t: Test, behind: Behind, front: Front): Answered {
  const request = await behind.awaiting()
  const headers = { referer: front.url + request.path, cookie: request.path }
  const answer = await post(front, request, bodyOf(), { headers })
  t.match(answer, { status: 200, body: { status: 'accepted' } })
  isUntold(t, answer)
  t.match(await atRest(behind.servers[0], request.requestId), { state: 'delivered', attempts: 1 })
  return answer
}

/** What is no callback is 404, and no server is asked. */
export async function leadsNowhere(
  t: Test,
  front: Front,
  paths: readonly string[],
  methods = ['POST']
): Promise<void> {
  for (const path of paths) {
    for (const method of methods) {
      const answer = await callOver(front, path, { method, body: bodyOf() })
      t.match(answer, { status: 404, text: '{"status":"not-found"}' }, `${method} ${path}`)
      isUntold(t, answer)
    }
  }
}

/** A callback with a forged capability. */
export function forge(front: Front, from: string, headers = {}): Answered {
  return post(front, { path: '/callbacks/k1.forged' }, bodyOf(), { from, headers })
}

/** A header that names another client. */
export function forgedAddress(): Record<string, string> {
  return { 'x-forwarded-for': `203.0.113.${Math.ceil(Math.random() * 200)}` }
}

/** Whoever is refused too often hears 429, and another address goes on. */
export async function countsRefusals(t: Test, tries: (from: string) => Answered, from: string) {
  const refused = await until('it hears 429', async () => {
    const answer = await tries(from)
    return answer.status === 429 ? answer : null
  })
  t.match(refused.headers.get('retry-after'), /^[1-6]?[0-9]$/)
  t.equal((await tries('127.0.0.6')).status, 404, 'another address goes on')
  return refused
}

/** A 503 passes while Redis hangs, and the callback is taken once that goes on. */
export async function passesOutage(
  t: Test,
  { world, awaiting }: Behind,
  send: Send,
  meanwhile: () => Promise<void> = async () => {}
): Promise<void> {
  const { pid } = world.redis
  if (pid === undefined) throw new Error('the Redis is not ours')
  const request = await awaiting()
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => process.kill(pid, 'SIGCONT'))
  for (const body of [bodyOf(), LARGE]) {
    const answer = await send(request, body)
    t.match(answer, { status: 503, body: { status: 'unavailable' } })
    t.equal(answer.headers.get('retry-after'), '5')
  }
  await meanwhile()
  process.kill(pid, 'SIGCONT')
  await until('it is taken', async () => (await send(request, LARGE)).status === 200)
}

/** The proxy itself says 503 once both servers have stopped; the request whose callback that was. */
export async function standsAlone(
  t: Test,
  { servers, awaiting }: Behind,
  send: Send
): Promise<Awaiting> {
  const request = await awaiting()
  await Promise.all(servers.map((server) => server.stop()))
  for (const body of [bodyOf(), LARGE]) {
    const answer = await send(request, body)
    t.match(answer, { status: 503, text: '{"status":"unavailable"}' })
    t.equal(answer.headers.get('retry-after'), '5')
    isUntold(t, answer)
  }
  return request
}
