import { setTimeout as pause } from 'node:timers/promises'

const EVERY_MS = 1_000

/**
 * Runs a task every second. `failed` is told of an error once, until the task succeeds again. Returns what stops it, after
 * the current run.
 */
export function everySecond(
  task: (signal: AbortSignal) => Promise<void>,
  failed: (error: Error) => void
): () => Promise<void> {
  const stop = new AbortController()
  const { signal } = stop
  const running = (async () => {
    let isFailing = false
    while (!signal.aborted) {
      const error = await task(signal).then(
        () => null,
        (reason: Error) => reason
      )
      if (error !== null && !isFailing) failed(error)
      isFailing = error !== null
      await pause(EVERY_MS, undefined, { signal, ref: false }).catch(() => {})
    }
  })()
  return async () => {
    stop.abort()
    await running
  }
}
