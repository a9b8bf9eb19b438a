import type { SentCallback } from '../../simulator/history.ts'
import type { RequestView } from '../../src/schemas/generated.ts'
import { heard, statusOf } from '../chaos/faults/heard.ts'

/** What of the callbacks that Khipu sent for a request was acknowledged and is lost, or is there twice. */
export function callbackFaults(view: RequestView, callbacks: readonly SentCallback[]): string[] {
  return [...historyFaults(view, callbacks), ...resultFaults(view, callbacks)]
}

// By the attempt: what is lost is asked for again, and delivered all the same.
function historyFaults(
  { requestId, history }: RequestView,
  callbacks: readonly SentCallback[]
): string[] {
  const noted = history.map(({ attempt = 0 }) => attempt)
  return [...new Set([...noted, ...callbacks.map(attemptOf)])].flatMap((attempt) => {
    const sent = callbacks.filter((one) => attemptOf(one) === attempt)
    const least = distinct(sent.filter((one) => statusOf(one) === 200))
    const most = distinct(sent)
    const had = heard({ history: history.filter((one) => one.attempt === attempt) })
    const wanted = `${least} to ${most} callbacks of attempt ${attempt}`
    return had >= least && had <= most ? [] : [`${requestId}: ${wanted}, the history has ${had}`]
  })
}

// A good callback that was taken is a result; the first one of 1101 is not good.
function resultFaults(
  { requestId, state }: RequestView,
  callbacks: readonly SentCallback[]
): string[] {
  const hasGood = callbacks.some((one) => statusOf(one) === 200 && !one.account.startsWith('1101'))
  return hasGood && state !== 'delivered'
    ? [`${requestId} has a callback that was acknowledged, and is ${state}`]
    : []
}

/** The receiver's number, which is not Khipu's where a POST got lost: the capability has it, behind its version. */
function attemptOf({ url }: SentCallback): number {
  const sealed = url.split('.').at(-1) ?? ''
  return Buffer.from(sealed, 'base64url').readUInt16BE(1)
}

/** The journal tells how long a body is, not what it is; of the accounts of a crowd an attempt has one body. */
function distinct(callbacks: readonly SentCallback[]): number {
  return new Set(callbacks.map(({ url, bytes }) => `${url} ${bytes}`)).size
}
