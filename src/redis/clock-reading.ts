/**
 * Redis's clock, as a command read it between two instants of this process. It tells the later time without another
 * command. The instants of the process are those of `performance.now()`.
 */
export interface ClockReading {
  /** ms since 1970 */
  readonly now: number
  readonly askedAt: number
  readonly repliedAt: number
}

/** For how long a reading is as good as a new one, in ms. The two clocks drift apart by less than a millisecond. */
const GOOD_FOR_MS = 1_000

/** Tells Redis's clock, and reads it once a second at the most. It is never ahead of the real one. */
export function createClock(read: () => Promise<number>): () => Promise<number> {
  let reading: ClockReading | null = null
  return async () => {
    const askedAt = performance.now()
    if (reading === null || askedAt - reading.askedAt > GOOD_FOR_MS) {
      reading = { now: await read(), askedAt, repliedAt: performance.now() }
    }
    return earliestNow(reading)
  }
}

/** Redis's clock is at least there by now. */
export function earliestNow({ now, repliedAt }: ClockReading): number {
  return now + Math.floor(performance.now() - repliedAt)
}

/** Redis's clock is at most there by now. */
export function latestNow({ now, askedAt }: ClockReading): number {
  return now + Math.ceil(performance.now() - askedAt)
}
