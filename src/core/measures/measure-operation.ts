import { type Operation, totalsOf } from '../operations/operation.ts'

/** What one turn of an operation has done. */
export interface OperationProgress {
  /** How many members were changed, refused, or had left the selection. */
  readonly items: Readonly<Record<'done' | 'refused' | 'skipped', number>>
  /** What its canaries told, each once. */
  readonly canaries: readonly ('goes' | 'held')[]
}

/** Measures what came to an operation between two states of its record. */
export function measureOperation(before: Operation, after: Operation): OperationProgress {
  const [earlier, later] = [totalsOf(before), totalsOf(after)]
  const more = (name: 'done' | 'refused' | 'skipped') => Math.max(0, later[name] - earlier[name])
  // Canaries are only added, at the end.
  const told = after.canaries.flatMap(({ verdict }, at) =>
    verdict !== null && (before.canaries[at]?.verdict ?? null) === null ? [verdict] : []
  )
  return {
    items: { done: more('done'), refused: more('refused'), skipped: more('skipped') },
    canaries: told
  }
}
