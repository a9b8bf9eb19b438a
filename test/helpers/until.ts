import { setTimeout as pause } from 'node:timers/promises'

/** Resolves with the first truthy answer; rejects where none comes within a minute, or the time that is given. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs = 60_000
): Promise<Exclude<T, false | null | undefined>> {
  const startedAt = Date.now()
  for (;;) {
    const seen = await look()
    if (seen) return seen as Exclude<T, false | null | undefined>
    const waitedMs = Date.now() - startedAt
    if (waitedMs > withinMs) throw new Error(`waited in vain until ${what}`)
    // To look costs CPU time, which those that run beside this test need. The longer the wait, the less often it looks.
    await pause(Math.min(Math.max(10, waitedMs / 10), 100))
  }
}
