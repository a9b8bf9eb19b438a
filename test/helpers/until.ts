import { setTimeout as pause } from 'node:timers/promises'

/** Resolves with the first truthy answer; rejects where none comes within a minute, or the time that is given. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs = 60_000
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen) return seen as Exclude<T, false | null | undefined>
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await pause(10)
  }
}
