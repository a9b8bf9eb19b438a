import type { Callback, Wait } from './behaviour.ts'
import { bytesOf } from './envelope.ts'
import type { History, SentCallback } from './history.ts'
import type { Settings } from './settings.ts'

/** A callback that is to be sent: what, where to, and for which attempt. */
export interface PlannedCallback {
  readonly callback: Callback
  readonly account: string
  readonly attempt: number
  readonly scenario: string
  readonly operationId: string
  readonly url: string
}

/** Sends callbacks to their CallbackUrl, without credentials, as Khipu does. */
export interface CallbackSender {
  /** Sends them one after the other, each after its delay; resolves when all are answered. */
  sendAll(planned: readonly PlannedCallback[]): Promise<void>
  /** Forgets what has not been sent yet. */
  cancel(): void
  /** Forgets what has not been sent yet, and breaks off what has not been answered. */
  close(): Promise<void>
}

/** A sender that records in the history each callback and its answer. */
export function createCallbackSender(settings: Settings, history: History): CallbackSender {
  const closing = new AbortController()
  const timers = new Set<NodeJS.Timeout>()
  let round = 0

  return { sendAll, cancel, close }

  async function sendAll(planned: readonly PlannedCallback[]): Promise<void> {
    const startedIn = round
    for (const one of planned) {
      await pause(delayOf(one.callback.wait, settings))
      const copies = Array.from({ length: one.callback.copies ?? 1 }, () => send(one))
      await Promise.all(copies)
      if (round !== startedIn) return
    }
  }

  function cancel(): void {
    round += 1
    timers.forEach((timer) => clearTimeout(timer))
    timers.clear()
  }

  async function close(): Promise<void> {
    cancel()
    closing.abort()
  }

  async function send(planned: PlannedCallback): Promise<void> {
    const startedIn = round
    const body = bytesOf(planned.callback.body, planned)
    for (let repeat = 0; repeat <= settings.callbackRepeats; repeat++) {
      if (repeat > 0) await pause(settings.callbackRepeatDelayMs)
      const record = history.addCallback(recordOf(planned, settings), body)
      const timeout = AbortSignal.timeout(settings.callbackTimeoutMs)
      record.answer = await post(record, body, AbortSignal.any([closing.signal, timeout]))
      settings.log(lineOf(record))
      if (isAccepted(record) || round !== startedIn) return
    }
  }

  /** A pause that is cancelled never ends. */
  function pause(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        resolve()
      }, ms)
      timers.add(timer)
    })
  }
}

function delayOf(wait: Wait, settings: Settings): number {
  const { callbackDelayMs: usual, slowDelayMs: slow, lateDelayMs: late } = settings
  return { none: 0, usual, slow, late }[wait]
}

function recordOf({ callback, ...rest }: PlannedCallback, settings: Settings) {
  const { contentType = settings.callbackContentType } = callback
  return { ...rest, at: new Date().toISOString(), contentType, answer: null }
}

async function post(
  { url, contentType }: SentCallback,
  body: Buffer,
  signal: AbortSignal
): Promise<SentCallback['answer']> {
  const headers = contentType === null ? {} : { 'content-type': contentType }
  try {
    const sent = { method: 'POST', headers, body: new Uint8Array(body), signal } as const
    const response = await fetch(url, { ...sent, redirect: 'manual' })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    return { error: reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  // `fetch` has the error of the connection in its cause.
  const { code } = (error.cause ?? error) as { code?: unknown }
  return typeof code === 'string' ? code : error.message
}

function isAccepted({ answer }: SentCallback): boolean {
  return answer !== null && 'status' in answer && answer.status >= 200 && answer.status < 300
}

function lineOf({ scenario, attempt, bytes, answer }: SentCallback): string {
  const outcome = answer !== null && 'status' in answer ? answer.status : answer?.error
  return `callback sent: ${scenario}, attempt ${attempt}, ${bytes} bytes, answered ${outcome}`
}
