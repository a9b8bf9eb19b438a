import { setTimeout as pause } from 'node:timers/promises'
import { startProxy } from './proxy.ts'

/** Khipu's door: whoever stands there sees each POST pass, and may hold up what comes back. */
export interface Door {
  readonly url: string
  /** The CallbackUrl of the next POST for an account, at the moment when it goes in. */
  next(account: string): Promise<string>
  /** Holds the answers for an account up for so many ms each. */
  holdAnswers(account: string, ms: number): void
  close(): void
}

/** Puts a door before Khipu. */
export async function openDoor(khipuUrl: string): Promise<Door> {
  const awaited = new Map<string, (url: string) => void>()
  const holds = new Map<string, number>()
  const proxy = await startProxy(khipuUrl, () => {
    let seen = ''
    let account = ''
    return {
      hold(chunk, { direction }) {
        if (direction === 'down') return pause(holds.get(account) ?? 0)
        seen += chunk.toString('latin1')
        const asked = askedIn(seen)
        if (asked === null) return undefined
        account = asked.account
        awaited.get(account)?.(asked.url)
        awaited.delete(account)
        return undefined
      }
    }
  })
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    next(account) {
      const { promise, resolve } = Promise.withResolvers<string>()
      awaited.set(account, resolve)
      return promise
    },
    holdAnswers: (account, ms) => void holds.set(account, ms),
    close: () => proxy.close()
  }
}

/** The account and the CallbackUrl of a POST; null as long as it isn't whole. */
export function askedIn(seen: string): { account: string; url: string } | null {
  const account = /"AccountNumber":"(?<account>[^"]*)"/.exec(seen)?.groups?.['account']
  const url = /"CallbackUrl":"(?<url>[^"]*)"/.exec(seen)?.groups?.['url']
  return account === undefined || url === undefined ? null : { account, url }
}
