import { setTimeout as pause } from 'node:timers/promises'
import type { Consumer } from '../consumer.ts'
import type { Call, SentCallback } from '../history.ts'
import type { DemoRequest, RequestView } from './demo-requests.ts'
import type { Parts } from './parts.ts'

export type Observer = ReturnType<typeof createObserver>

/** Sends requests, observes them on all sides, and shows what changes. */
export function createObserver(
  { service, adminUrl, token, khipuUrl }: Parts,
  consumer: Consumer,
  requests: DemoRequest[],
  show: (requests: DemoRequest[]) => void,
  signal: AbortSignal
) {
  return { requests, ask, send, notify, until, countResults: () => consumer.results.length }

  function ask(AccountNumber: string, reference: string): Promise<RequestView> {
    return call(`${adminUrl}/v1/requests`, { RequestData: { AccountNumber }, reference })
  }

  async function send(request: DemoRequest): Promise<void> {
    request.requestId = (await ask(request.account, request.label)).requestId
  }

  /** Notifies the service that the cause I001 is over. */
  function notify(more: {
    readonly dryRun?: true
  }): Promise<{ matched: number; released: number }> {
    return call(`${adminUrl}/v1/notifications`, { code: 'I001', ...more })
  }

  /** Looks until the condition holds, or until the time is over; resolves with whether it holds. */
  async function until(holds: () => boolean, withinMs: number): Promise<boolean> {
    for (const deadline = performance.now() + withinMs; ; await pause(150, undefined, { signal })) {
      await look()
      if (holds()) return true
      if (performance.now() > deadline) return false
    }
  }

  async function look(): Promise<void> {
    // A service that was killed is not asked.
    const isUp = service?.isReady() ?? true
    const views = isUp ? await list('requests') : null
    const quarantine = isUp ? await list('quarantine') : null
    const calls = await call<Call[]>(`${khipuUrl}/simulator/calls`)
    const callbacks = await call<SentCallback[]>(`${khipuUrl}/simulator/callbacks`)
    for (const request of requests) {
      const isOwn = ({ requestId }: { requestId: string }) => requestId === request.requestId
      const isOfAccount = ({ account }: Call | SentCallback) => account === request.account
      request.view = views?.find(isOwn) ?? request.view
      request.quarantined = quarantine?.filter(isOwn).length ?? request.quarantined
      request.results = consumer.results.filter(isOwn)
      request.calls = calls.filter(isOfAccount)
      request.callbacks = callbacks.filter(isOfAccount)
    }
    show(requests)
  }

  async function list(name: string): Promise<readonly RequestView[]> {
    return (await call<{ items: RequestView[] }>(`${adminUrl}/v1/${name}?limit=200`)).items
  }

  /** GET, or POST with a body; rejects unless it is answered 2xx. */
  async function call<T>(url: string, body?: object): Promise<T> {
    const response = await fetch(url, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)])
    })
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
    return (await response.json()) as T
  }
}
