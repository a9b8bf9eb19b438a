import { isIP } from 'node:net'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** How many calls are refused in a time window before further ones get 429. */
export interface RefusalLimits {
  readonly perAddress: number
  readonly inAll: number
}

/** Counts calls that were refused because they lacked a valid token, and logs a sample of them. */
export interface RefusalLimiter {
  /** Counts a refusal. Null while its address is below the limits, else the seconds until the window ends. */
  refuse(
    address: string | undefined,
    about?: Readonly<Record<string, string>>
  ): Promise<number | null>
}

const MOST_LINES_IN_ALL = 10
/** The most addresses whose refusals are counted for the log. Beyond it the oldest count is dropped. */
const MOST_COUNTED = 1000

/**
 * Stores at most as many addresses as calls may be refused in a window, because an address beyond a limit is not
 * stored. Writes at most one log line per address and window, and ten lines in total.
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
      // Even a trusted proxy may forward a text that is no address.
      const address = from !== undefined && isIP(from) !== 0 ? networkOf(from) : 'unknown'
      await sample(address, about)
      const over = (await isOver(own, address)) ?? (await isOver(all, 'all'))
      return over ?? (await take(all, 'all')) ?? take(own, address)
    }
  }
}

/** Null while a point is left, else the seconds until there are new points. */
async function isOver(limiter: RateLimiterMemory, key: string): Promise<number | null> {
  const used = await limiter.get(key)
  return used === null || used.remainingPoints > 0 ? null : secondsUntil(used)
}

/** Takes a point; null where one was left, else the seconds until there are new points. */
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

/** The network that counts as one address: an IPv4 address, or the /64 of an IPv6 address, because one user owns it. */
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
