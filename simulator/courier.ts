import { Agent, request } from 'undici'
import type { Callback, Wait } from './behaviour.ts'
import { bytesOf } from './envelope.ts'
import type { Journal, SentCallback } from './journal.ts'
import type { Settings } from './settings.ts'

/** A callback, where it goes, and the attempt that it belongs to. */
export interface Errand {
  readonly callback: Callback
  readonly account: string
  readonly attempt: number
  readonly scenario: string
  readonly operationId: string
  readonly url: string
}

/** Carries callbacks to their CallbackUrl, without credentials, as Khipu does. */
export interface Courier {
  /** Does errands one after the other, each after its delay; resolves when all are answered. */
  carry(errands: readonly Errand[]): Promise<void>
  /** Forgets what has not been sent yet. */
  cancel(): void
  /** Forgets what has not been sent yet, and breaks off what has not been answered. */
  close(): Promise<void>
}

/** A courier that writes down in the journal what it sends and what it is answered. */
export function createCourier(settings: Settings, journal: Journal): Courier {
  const { callbackTimeoutMs: timeout } = settings
  const agent = new Agent({ headersTimeout: timeout, bodyTimeout: timeout })
  const timers = new Set<NodeJS.Timeout>()
  let round = 0

  return { carry, cancel, close }

  async function carry(errands: readonly Errand[]): Promise<void> {
    const startedIn = round
    for (const errand of errands) {
      await pause(delayOf(errand.callback.wait, settings))
      const copies = Array.from({ length: errand.callback.copies ?? 1 }, () => send(errand))
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
    await agent.destroy()
  }

  async function send(errand: Errand): Promise<void> {
    const startedIn = round
    const body = bytesOf(errand.callback.body, errand)
    for (let repeat = 0; repeat <= settings.callbackRepeats; repeat++) {
      if (repeat > 0) await pause(settings.callbackRepeatDelayMs)
      const record = journal.addCallback(recordOf(errand, settings), body)
      record.answer = await post(record, body, agent)
      settings.log(lineOf(record))
      if (isTaken(record) || round !== startedIn) return
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

function recordOf({ callback, ...task }: Errand, settings: Settings) {
  const { contentType = settings.callbackContentType } = callback
  return { ...task, at: new Date().toISOString(), contentType, answer: null }
}

async function post(
  { url, contentType }: SentCallback,
  body: Buffer,
  dispatcher: Agent
): Promise<SentCallback['answer']> {
  const headers = contentType === null ? {} : { 'content-type': contentType }
  try {
    const response = await request(url, { method: 'POST', headers, body, dispatcher })
    return { status: response.statusCode, body: await response.body.text() }
  } catch (error) {
    return { error: faultOf(error) }
  }
}

function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

function isTaken({ answer }: SentCallback): boolean {
  return answer !== null && 'status' in answer && answer.status >= 200 && answer.status < 300
}

function lineOf({ scenario, attempt, bytes, answer }: SentCallback): string {
  const outcome = answer !== null && 'status' in answer ? answer.status : answer?.error
  return `callback sent: ${scenario}, attempt ${attempt}, ${bytes} bytes, answered ${outcome}`
}
