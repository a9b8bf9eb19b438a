import { setTimeout as pause } from 'node:timers/promises'
import type { QuarantineEntry, RequestView } from '../../../src/schemas/generated.ts'
import { error, ok } from '../../helpers/callbacks.ts'
import { type Answer, call } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { ask, inState, type WorldSettings } from '../../helpers/world.ts'
import type { Posted, Round } from './arena.ts'

// What is done and looked at in the round of a race.

/** Asks, and resolves once the POST is on its way to Khipu; the CallbackUrl of it. */
export async function askAndSee(round: Round, more: object = {}) {
  const { service, door, account } = round
  const sent = door.next(account)
  const requestId = await ask(service, account, more)
  return { requestId, url: await sent }
}

/** A request whose callback Khipu owes, and the instant of its deadline in ms. */
export async function awaiting(round: Round, more: object = {}) {
  const asked = await askAndSee(round, more)
  const { dueAt } = await inState(round.service, asked.requestId, 'awaiting-callback')
  return { ...asked, dueAt: Date.parse(dueAt ?? '') }
}

/** A request that waits for a notification. */
export async function parked(round: Round) {
  const { requestId, url } = await awaiting(round)
  const answer = await post(url, error('RETRY_AFTER_NOTIFICATION', 'I001'))
  await inState(round.service, requestId, 'parked')
  return { requestId, url, answer }
}

/** Sends a callback, as Khipu would. */
export async function post(url: string, envelope: object): Promise<Posted> {
  const { status, body } = await call<{ status?: string }>(url, {
    method: 'POST',
    body: JSON.stringify(envelope)
  })
  return { status, said: body?.status ?? '' }
}

/** Does something so many ms from now. */
export async function after<T>(ms: number, task: () => Promise<T>): Promise<T> {
  await pause(ms)
  return task()
}

/** Both at once, give or take some ms: by how many the other one comes later, or sooner where it is negative. */
export async function both<One, Other>(
  { chance }: Round,
  one: () => Promise<One>,
  other: () => Promise<Other>,
  [least, most]: readonly [number, number] = [-10, 10]
): Promise<[One, Other]> {
  const apart = chance.between(least, most)
  return Promise.all([after(Math.max(0, -apart), one), after(Math.max(0, apart), other)])
}

const WINDOW_MS = 25

/** Resolves around an instant: up to 25 ms before it or after. */
export async function around({ chance }: Round, at: number): Promise<void> {
  const moment = at + chance.between(-WINDOW_MS, WINDOW_MS)
  await pause(Math.max(0, moment - Date.now()))
}

/** Settings of a race in which an error is followed by one retry, after a second. */
export const RETRIES_IN_A_SECOND: WorldSettings = {
  policy: { retry: { 'retry-immediately': { delays: ['1s'], jitter: 0, maxRetries: 1 } } }
}

/** Settings of a race against the deadline: it comes after a second, with so many retries behind it. */
export function retriesOfSilence(maxRetries: number): WorldSettings {
  const row = { delays: ['0s'], jitter: 0, maxRetries }
  return { policy: { retry: { 'no-callback': row } }, env: { CALLBACK_TIMEOUT: '1s' } }
}

/** What quarantine keeps of a request, once there is something. */
function keptOf({ service }: Round, requestId: string): Promise<readonly QuarantineEntry[]> {
  return until(`something of ${requestId} is in quarantine`, async () => {
    const { body } = await service.api<{ items: QuarantineEntry[] }>(
      'GET',
      '/v1/quarantine?limit=200'
    )
    const kept = body.items.filter((entry) => entry.requestId === requestId)
    return kept.length > 0 ? kept : null
  })
}

/** Quarantine keeps one callback of a request, as that kind. */
export async function isKeptAs(round: Round, requestId: string, kind: string): Promise<void> {
  const kept = await keptOf(round, requestId)
  must(kept.length === 1 && kept[0]?.kind === kind, `one is kept as ${kind}`, kept)
}

/** Has the attempt fail, and resolves around the instant at which the request is sent again. */
export async function aroundRetry(
  round: Round,
  { requestId, url }: { readonly requestId: string; readonly url: string }
): Promise<Posted> {
  const answer = await post(url, error('RETRY_IMMEDIATELY'))
  const { dueAt } = await inState(round.service, requestId, 'retry-scheduled')
  await around(round, Date.parse(dueAt ?? ''))
  return answer
}

export function notify({ service }: Round, requestId: string): Promise<Answer<unknown>> {
  return service.api('POST', '/v1/notifications', { requestIds: [requestId] })
}

export function retry({ service }: Round, requestId: string): Promise<Answer<RequestView>> {
  return service.api<RequestView>('POST', `/v1/requests/${requestId}/retry`)
}

/** True where an operator's retry was done, and the answer to it must say so. */
export function isRetried({ status }: Answer<RequestView>, seen: RequestView): boolean {
  const isDone = times(seen, 'retry-requested') === 1
  must((status === 200) === isDone, 'retry says what it did', { status, seen })
  return isDone
}

/** By how many ms a notification comes before the other act: it has to look for whom it concerns. */
export const NOTIFIED_BEFORE = [-90, 0] as const

/** Ends a request with a good callback, which must be taken. */
export async function deliver({ service }: Round, requestId: string, url: string): Promise<Posted> {
  const answer = await post(url, ok())
  await inState(service, requestId, 'delivered')
  return answer
}

/** Throws where something is seen that must not be. */
export function must(holds: boolean, what: string, seen: unknown): void {
  if (!holds) throw new Error(`not so: ${what}: ${JSON.stringify(seen)}`)
}

/** Which of these events stands first in the history. */
export function firstOf<Event extends string>(
  { history }: RequestView,
  events: readonly Event[]
): Event | undefined {
  const found = history.find(({ event }) => (events as readonly string[]).includes(event))
  return found?.event as Event | undefined
}

/** How often an event stands in the history. */
export function times({ history }: RequestView, name: string): number {
  return history.filter(({ event }) => event === name).length
}
