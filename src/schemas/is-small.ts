const MOST_NODES = 10_000

/**
 * Whether a JSON value has at most 10,000 nodes. Listing all faults takes time that grows with the
 * square of their number, so that a body of 10 MB full of faults would block the process for long.
 */
export function isSmall(value: unknown): boolean {
  const open = [value]
  let seen = 1
  while (open.length > 0) {
    for (const child of childrenOf(open.pop())) {
      if (++seen > MOST_NODES) return false
      open.push(child)
    }
  }
  return true
}

function childrenOf(node: unknown): readonly unknown[] {
  if (typeof node !== 'object' || node === null) return []
  return Array.isArray(node) ? node : Object.values(node)
}
