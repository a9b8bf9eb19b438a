import { isIP } from 'node:net'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** How many calls may be refused in a window before they get 429. */
export interface RefusalLimits {
  readonly perAddress: number
  readonly inAll: number
}

/** Counts the calls that were refused for want of a valid token, and samples them for the log. */
export interface RefusalLimiter {
  /** Counts one more refusal. Null while its address may go on, else the seconds until it may. */
  refuse(
    address: string | undefined,
    about?: Readonly<Record<string, string>>
  ): Promise<number | null>
}

const MOST_LINES_IN_ALL = 10
/** With more addresses than these, the oldest count since the last log line is forgotten. */
const MOST_COUNTED = 1000

/**
 * Holds no more addresses than may be refused in a window: an address over a limit is not remembered. Writes at most
 * one log line per address and window, and ten in all.
 */
export function createRefusalLimiter(
  limits: RefusalLimits,
  log: (line: Readonly<Record<string, unknown>>) => void,
  windowSeconds = 60
): RefusalLimiter {
  const limiter = (points: number) => new RateLimiterMemory({ points, duration: windowSeconds })
  const [own, all] = [limiter(limits.perAddress), limiter(limits.inAll)]
  const [ownLines, allLines] = [limiter(1), limiter(MOST_LINES_IN_ALL)]
  const counts = new Map<string, number>()
  let inAll = 0

  async function sample(address: string, about: Readonly<Record<string, string>>): Promise<void> {
    const refused = (counts.get(address) ?? 0) + 1
    counts.delete(address)
    counts.set(address, refused)
    inAll += 1
    const [oldest = ''] = counts.keys()
    if (counts.size > MOST_COUNTED) counts.delete(oldest)
    if ((await isOver(ownLines, address)) ?? (await isOver(allLines, 'all'))) return
    if ((await take(allLines, 'all')) ?? (await take(ownLines, address))) return
    log({ address, ...about, refused: counts.get(address) ?? refused, refusedInAll: inAll })
    counts.delete(address)
    inAll = 0
  }

  return {
    async refuse(from, about = {}) {
      // A trusted proxy may still pass on anything at all.
      const address = from !== undefined && isIP(from) !== 0 ? networkOf(from) : 'unknown'
      await sample(address, about)
      const over = (await isOver(own, address)) ?? (await isOver(all, 'all'))
      return over ?? (await take(all, 'all')) ?? take(own, address)
    }
  }
}

/** Null while there is a point left, else the seconds until there are new ones. */
async function isOver(limiter: RateLimiterMemory, key: string): Promise<number | null> {
  const used = await limiter.get(key)
  return used === null || used.remainingPoints > 0 ? null : secondsUntil(used)
}

/** Takes a point; null where there was one, else the seconds until there is. */
async function take(limiter: RateLimiterMemory, key: string): Promise<number | null> {
  return limiter.consume(key).then(
    () => null,
    (used: unknown) => {
      if (used instanceof RateLimiterRes) return secondsUntil(used)
      throw used
    }
  )
}

function secondsUntil({ msBeforeNext }: RateLimiterRes): number {
  return Math.max(1, Math.ceil(msBeforeNext / 1000))
}

/** What is counted as one address: an IPv4 address, or the /64 of an IPv6 address, which one holder has whole. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || isIP(address) !== 6) return mapped ?? address
  const [before = '', behind = ''] = address.replace(/(?:\d{1,3}\.){3}\d{1,3}$/, '0:0').split('::')
  const [head, tail] = [groupsOf(before), groupsOf(behind)]
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  const first = [...head, ...zeros, ...tail].slice(0, 4)
  return `${first.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
