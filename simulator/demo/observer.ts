import { setTimeout as pause } from 'node:timers/promises'
import type { Consumer, Result } from '../consumer.ts'
import type { Call, SentCallback } from '../history.ts'
import type { DemoRequest } from './demo-requests.ts'
import type { Parts } from './parts.ts'

/** The part of a request (schemas/request-view.json) that the demo reads. */
export interface RequestView {
  readonly requestId: string
  readonly state: string
  readonly reason: string | null
  readonly attempts: number
  readonly dueAt: string | null
}

/** What is known of one request, on all sides. */
export interface Observed extends DemoRequest {
  readonly account: string
  /** null before it is sent, and before it is listed. */
  requestId: string | null
  view: RequestView | null
  results: readonly Result[]
  /** What the simulated Khipu got and sent for it. */
  calls: readonly Call[]
  callbacks: readonly SentCallback[]
  /** How many of its callbacks are in quarantine. */
  quarantined: number
}

/** Sends requests, observes them on all sides, and shows what changes. */
export type Observer = ReturnType<typeof createObserver>

export function createObserver(
  { service, adminUrl, token, khipuUrl }: Parts,
  consumer: Consumer,
  requests: readonly DemoRequest[],
  show: (all: readonly Observed[]) => void,
  signal: AbortSignal
) {
  const nothing = { requestId: null, view: null, results: [], calls: [], callbacks: [] }
  const all = requests.map((request, index): Observed => {
    const account = `${request.scenario.prefix}-${String(index + 1).padStart(4, '0')}`
    return { ...request, account, ...nothing, quarantined: 0 }
  })
  return { all, send, notify, until }

  async function send(request: DemoRequest): Promise<void> {
    const one = all.find(({ label }) => label === request.label)
    const body = {
      RequestData: { AccountNumber: one?.account },
      reference: `demo: ${request.label}`
    }
    const { requestId } = await call<RequestView>(`${adminUrl}/v1/requests`, body)
    if (one) one.requestId = requestId
  }

  /** Notifies the service that the cause I001 is over. */
  function notify(more: {
    readonly dryRun?: true
  }): Promise<{ matched: number; released: number }> {
    return call(`${adminUrl}/v1/notifications`, { code: 'I001', ...more })
  }

  /** Looks until the condition holds, or until the time is over; resolves with whether it holds. */
  async function until(holds: () => boolean, withinMs: number): Promise<boolean> {
    for (const deadline = performance.now() + withinMs; ;) {
      await look()
      if (holds()) return true
      if (performance.now() > deadline) return false
      await pause(150, undefined, { signal })
    }
  }

  async function look(): Promise<void> {
    // A service that was killed is not asked.
    const isUp = service?.isReady() ?? true
    const list = (name: string) =>
      isUp ? call<{ items: RequestView[] }>(`${adminUrl}/v1/${name}?limit=200`) : null
    const [views, quarantine, calls, callbacks] = await Promise.all([
      list('requests'),
      list('quarantine'),
      call<Call[]>(`${khipuUrl}/simulator/calls`),
      call<SentCallback[]>(`${khipuUrl}/simulator/callbacks`)
    ])
    for (const one of all) {
      const isOwn = ({ requestId }: { requestId: string }) => requestId === one.requestId
      one.view = views?.items.find(isOwn) ?? one.view
      one.quarantined = quarantine?.items.filter(isOwn).length ?? one.quarantined
      one.results = consumer.results.filter(isOwn)
      one.calls = calls.filter(({ account }) => account === one.account)
      one.callbacks = callbacks.filter(({ account }) => account === one.account)
    }
    show(all)
  }

  /** GET, or POST with a body; rejects unless it is answered 2xx. */
  async function call<T>(url: string, body?: object): Promise<T> {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(10_000)])
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const post = body && { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(url, { headers, signal: stop, ...post }).catch(
      (cause: unknown) => {
        throw new Error(`${url} gave no answer`, { cause })
      }
    )
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
    return (await response.json()) as T
  }
}

/** True once it has ended. */
export function hasEnded({ view }: Observed): boolean {
  return ['delivered', 'failed', 'cancelled'].includes(view?.state ?? '')
}

/** True once it has ended and nothing more is expected of it. */
export function isComplete(one: Observed): boolean {
  const { results, callbacks, expected, quarantined } = one
  const isQuiet = results.length > 0 && callbacks.every(({ answer }) => answer !== null)
  const hasAll = duplicatesOf(one) >= expected.duplicates && quarantined >= expected.quarantined
  return hasEnded(one) && isQuiet && hasAll
}

/** How many of its callbacks were answered as duplicates. */
export function duplicatesOf({ callbacks }: Observed): number {
  const bodies = callbacks.map(({ answer }) => (answer && 'body' in answer ? answer.body : ''))
  return bodies.filter((body) => body.includes('"status":"duplicate"')).length
}
