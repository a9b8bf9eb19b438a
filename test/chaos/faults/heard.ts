import { createHash } from 'node:crypto'
import type { SentCallback } from '../../../simulator/history.ts'
import type { RequestView } from '../../../src/schemas/generated.ts'
import type { World } from '../../helpers/world.ts'

/** The status that a callback was answered; 0 where there was no answer. */
export function statusOf({ answer }: SentCallback): number {
  return answer !== null && 'status' in answer ? answer.status : 0
}

/** The callbacks of an account that were answered 200. */
export function acknowledgedOf({ khipu }: World, account: string): readonly SentCallback[] {
  return khipu.callbacks.filter((one) => one.account === account && statusOf(one) === 200)
}

/** How many they are, where the same bytes on the same capability are one. */
export function distinct({ khipu }: World, callbacks: readonly SentCallback[]): number {
  const idOf = ({ number, url }: SentCallback) => {
    const body = khipu.bodyOf(number) ?? Buffer.alloc(0)
    return `${url} ${createHash('sha256').update(body).digest('hex')}`
  }
  return new Set(callbacks.map(idOf)).size
}

const HEARD: ReadonlySet<string> = new Set(['callback', 'callback-superseded', 'callback-late'])

/** How many callbacks a request has heard of. */
export function heard({ history }: Pick<RequestView, 'history'>): number {
  return history.filter(({ event }) => HEARD.has(event)).length
}
