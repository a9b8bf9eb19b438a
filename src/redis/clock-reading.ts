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

/** Redis's clock is at least there by now. */
export function earliestNow({ now, repliedAt }: ClockReading): number {
  return now + Math.floor(performance.now() - repliedAt)
}

/** Redis's clock is at most there by now. */
export function latestNow({ now, askedAt }: ClockReading): number {
  return now + Math.ceil(performance.now() - askedAt)
}
