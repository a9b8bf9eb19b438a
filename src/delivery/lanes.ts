import pLimit from 'p-limit'
import type { Lane } from '../core/result-head.ts'

/** A large body is in memory several times while it becomes a result. */
const MOST_LARGE_AT_ONCE = 2

/** Runs a task in its lane. */
export type RunInLane = <T>(lane: Lane, task: () => Promise<T>) => Promise<T>

/** Opens the lanes of one process. A task `alone` waits for all that run, and those behind it wait for its end. */
export function openLanes(): RunInLane {
  const large = pLimit(MOST_LARGE_AT_ONCE)
  const gate = pLimit(1)
  const running = new Set<Promise<unknown>>()

  // The gate is held for no longer than it takes to start.
  async function beside<T>(task: () => Promise<T>): Promise<T> {
    const started = await gate(() => {
      const run = task()
      const ended = run.catch(() => {}).finally(() => running.delete(ended))
      running.add(ended)
      return { run }
    })
    return started.run
  }

  return (lane, task) => {
    if (lane === 'large') return large(() => beside(task))
    if (lane === 'small') return beside(task)
    return gate(async () => {
      await Promise.all(running)
      return task()
    })
  }
}
