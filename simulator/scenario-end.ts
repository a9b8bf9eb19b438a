/** How a request to a scenario ends, or where it is parked, with the receiver's built-in policy. */
export type End =
  | { readonly state: 'delivered'; readonly completeness: Completeness; readonly attempts: number }
  | { readonly state: 'failed'; readonly reason: FailReason; readonly attempts: number }
  | { readonly state: 'parked'; readonly reason: ParkReason; readonly attempts: number }

/** How much of the data the receiver says it got. */
export type Completeness = 'complete' | 'incomplete' | 'empty'

/** Why a request of these scenarios fails. */
export type FailReason = 'do-not-retry' | 'retries-exhausted' | 'rejected' | 'no-callback'

/** Why a request of these scenarios is parked. */
export type ParkReason =
  'retry-after-notification' | 'unknown-type' | 'unauthorized' | 'unreadable-answer'

/** Delivered after so many attempts. */
export function delivered(attempts = 1, completeness: Completeness = 'complete'): End {
  return { state: 'delivered', completeness, attempts }
}

/** Failed with this reason after so many attempts. */
export function failed(reason: FailReason, attempts = 1): End {
  return { state: 'failed', reason, attempts }
}

/** Parked with this reason after so many attempts. */
export function parked(reason: ParkReason, attempts = 1): End {
  return { state: 'parked', reason, attempts }
}

/** The end in words: state, completeness or reason, attempts. */
export function endInWords(end: End): string {
  return inWords(end.state, end.state === 'delivered' ? end.completeness : end.reason, end.attempts)
}

/** What was seen of a request, in the words of an end. */
export function inWords(state: string, what: string | null | undefined, attempts: number): string {
  return `${state} ${what}, ${attempts === 1 ? '1 attempt' : `${attempts} attempts`}`
}
