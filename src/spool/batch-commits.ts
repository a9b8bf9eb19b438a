import type { EncryptedCallback, Spooling } from './spooled-callbacks.ts'

interface Waiting {
  readonly callback: EncryptedCallback
  readonly resolve: (spooling: Spooling) => void
  readonly reject: (error: unknown) => void
}

/** The most encrypted bytes of one commit. A single larger callback is committed alone. */
const MOST_BYTES_TOGETHER = 1024 * 1024

/** Commits the callbacks of one turn of the event loop together, so that all of them wait for the disk only once. */
export function batchCommits(insert: (rows: readonly EncryptedCallback[]) => Spooling[]) {
  let waiting: Waiting[] = []

  function flush(): void {
    const together = waiting.slice(0, countTogether(waiting))
    waiting = waiting.slice(together.length)
    if (waiting.length > 0) setImmediate(flush)
    if (together.length === 0) return
    try {
      const taken = insert(together.map(({ callback }) => callback))
      together.forEach(({ resolve }, index) => resolve(taken[index] ?? 'full'))
    } catch (error) {
      together.forEach(({ reject }) => reject(error))
    }
  }

  return {
    flushAll() {
      while (waiting.length > 0) flush()
    },
    put(callback: EncryptedCallback): Promise<Spooling> {
      if (waiting.length === 0) setImmediate(flush)
      return new Promise((resolve, reject) => void waiting.push({ callback, resolve, reject }))
    }
  }
}

function countTogether(waiting: readonly Waiting[]): number {
  let bytes = 0
  const beyond = waiting.findIndex(({ callback }, index) => {
    bytes += callback.sealed.length
    return index > 0 && bytes > MOST_BYTES_TOGETHER
  })
  return beyond === -1 ? waiting.length : beyond
}
