const MOST_NODES = 10_000

/**
 * Whether a JSON value has at most 10,000 nodes. Listing all faults takes time that grows with the
 * square of their number, so that a body of 10 MB full of faults would block the process for long.
 */
export function isSmall(value: unknown): boolean {
  return countUpTo(MOST_NODES, value, 0) <= MOST_NODES
}

/** How many nodes there are, those before it included; it looks at no more than one beyond the most. */
function countUpTo(most: number, node: unknown, before: number): number {
  let seen = before + 1
  if (typeof node !== 'object' || node === null) return seen
  const children: readonly unknown[] = Array.isArray(node) ? node : Object.values(node)
  for (const child of children) {
    if (seen > most) break
    seen = countUpTo(most, child, seen)
  }
  return seen
}
