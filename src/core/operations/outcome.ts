import type { Request } from '../request.ts'

/** What became of a request that an operation has changed. */
export type ItemOutcome = 'delivered' | 'failed' | 'parkedAgain'

const OUTCOMES: ReadonlyMap<string, ItemOutcome> = new Map([
  ['delivered', 'delivered'],
  ['failed', 'failed'],
  ['cancelled', 'failed'],
  ['parked', 'parkedAgain']
])

/** The first thing that became of a request after an operation; null while that is open. */
export function outcomeOf({ history }: Request, operation: string): ItemOutcome | null {
  const begun = history.findIndex((event) => event['operation'] === operation)
  if (begun === -1) return null
  const [first = null] = history.slice(begun).flatMap(({ event }) => OUTCOMES.get(event) ?? [])
  return first
}
