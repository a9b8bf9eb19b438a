import type { Redis } from 'ioredis'

/** Tells whether Redis can take more. A full one stops the workers as well, so intake stops before. */
export interface Capacity {
  /** False while Redis is away, and from 75 % of its maxmemory on. */
  canStore(): boolean
  /** True from 75 % of its maxmemory on. */
  isFull(): boolean
  close(): void
}

const FULL_SHARE = 0.75
const POLL_MS = 1_000

/** Watches Redis's memory, once a second. */
export function watchCapacity(redis: Redis): Capacity {
  let full = false
  const look = async () => {
    const info = await redis.info('memory').catch(() => null)
    if (info !== null) full = isFull(info)
  }
  const timer = setInterval(() => void look(), POLL_MS)
  timer.unref()
  redis.on('ready', () => void look())
  return {
    canStore: () => redis.status === 'ready' && !full,
    isFull: () => full,
    close: () => clearInterval(timer)
  }
}

/** Reads INFO memory; a maxmemory of 0 is no limit. */
export function isFull(info: string): boolean {
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  const limit = read('maxmemory')
  return limit > 0 && read('used_memory') > limit * FULL_SHARE
}
