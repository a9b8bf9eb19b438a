import type { Callback } from '../core/transitions/on-callback.ts'
import type { NewJob } from '../core/required-jobs.ts'
import type { Received, Scripts } from './scripts.ts'

export interface ReceiveOptions {
  /**
   * For an envelope that was answered with 2xx before: its age in ms. It gets that earlier instant, but none before the
   * start of its attempt. No limit rejects it.
   */
  readonly takenMsAgo?: number | undefined
  /** A job of the queue `callback`, which is enqueued with the envelope. */
  readonly job?: NewJob
}

interface Arriving extends ReceiveOptions {
  readonly requestId: string
  readonly callback: Omit<Callback, 'receivedAt'>
  readonly sealed: Uint8Array
}

/** The most different results of one request that are stored, and the most errors. It limits one callback token. */
export const MOST_CALLBACKS = 100

/** Encrypted bytes of unread bodies of one request, beyond which no further error is stored. */
export const MOST_UNREAD_BYTES = 64 * 1024 * 1024

interface Waiting {
  readonly arriving: Arriving
  readonly resolve: (received: Received) => void
  readonly reject: (error: unknown) => void
}

/** With more in one script call, Redis would have nothing to do while the next ones are read. */
const MOST_TOGETHER = 16

/**
 * Stores the callbacks of one turn of the event loop together, some with each call of a script. Each gets its own
 * outcome, or error. A callback waits for no more than the rest of its turn.
 */
export function receiveTogether(
  scripts: Pick<Scripts, 'receive'>
): (arriving: Arriving) => Promise<Received> {
  let waiting: Waiting[] = []
  let sent = 0

  function send(): void {
    const together = waiting
    waiting = []
    if (together.length === 0) return
    sent += 1
    const callbacks = together.flatMap(({ arriving }) => argumentsOf(arriving))
    scripts.receive(MOST_CALLBACKS, MOST_UNREAD_BYTES, ...callbacks).then(
      (outcomes) => {
        sent -= 1
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome instanceof Error) together[index]?.reject(outcome)
          else together[index]?.resolve(outcome)
        }
      },
      (error: unknown) => {
        sent -= 1
        for (const { reject } of together) reject(error)
      }
    )
  }

  return (arriving) =>
    new Promise((resolve, reject) => {
      waiting.push({ arriving, resolve, reject })
      // Where Redis has nothing to do, it gets the first one at once.
      if (sent === 0 || waiting.length === MOST_TOGETHER) send()
      else if (waiting.length === 1) setImmediate(send)
    })
}

function argumentsOf({ requestId, callback, sealed, takenMsAgo, job }: Arriving) {
  const { id, outcome } = callback
  return [
    ...[requestId, id, JSON.stringify(callback), sealed, outcome.type],
    ...[takenMsAgo ?? '', job?.id ?? '', job?.data ?? '', job?.options ?? '']
  ]
}
