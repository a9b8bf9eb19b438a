const MOST_NODES = 10_000

/**
 * Whether a JSON value has at most 10,000 nodes. The time to list all violations grows with the square of their number.
 * So a body of 10 MB full of violations would block the process for long.
 */
export function hasFewValues(value: unknown): boolean {
  return countUpTo(MOST_NODES, value, 0) <= MOST_NODES
}

/** The number of nodes, including those counted before. It stops one node above `most`. */
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
