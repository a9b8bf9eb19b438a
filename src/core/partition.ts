const OFFSET_BASIS = 0x81_1c_9d_c5
const PRIME = 0x01_00_01_93

/**
 * The partition that holds what has this id, of so many: FNV-1a of it (32 bits, of its UTF-16 units), modulo
 * their number. It must never change: where a request lies is written down nowhere else.
 */
export function partitionOf(id: string, partitions: number): number {
  let hash = OFFSET_BASIS
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), PRIME)
  }
  return (hash >>> 0) % partitions
}

/** Draws ids until one lies in the same partition as its account does: those who take turns must share one. */
export function idBeside(account: string | null, partitions: number, draw: () => string): string {
  if (account === null) return draw()
  const wanted = partitionOf(account, partitions)
  for (;;) {
    const id = draw()
    if (partitionOf(id, partitions) === wanted) return id
  }
}
