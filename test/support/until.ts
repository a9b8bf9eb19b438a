import { setTimeout as pause } from 'node:timers/promises'

/** Resolves once the condition holds; rejects after 20 seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await pause(5)
  }
}
