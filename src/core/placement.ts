const OFFSET_BASIS = 0x81_1c_9d_c5
const PRIME = 0x01_00_01_93

/**
 * The index of the partition that holds an id: its FNV-1a hash (32 bits, of its UTF-16 units), modulo the number of
 * partitions. The function must never change, because the place of a request is stored nowhere else.
 */
export function placeOf(id: string, count: number): number {
  let hash = OFFSET_BASIS
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), PRIME)
  }
  return (hash >>> 0) % count
}

/** The part that holds an id. */
export function holderOf<Part>(parts: readonly [Part, ...Part[]], id: string): Part {
  return parts[placeOf(id, parts.length)] as Part
}

/** Draws ids until one has the same place as its account. So all requests of an account share a partition. */
export function idBeside(account: string | null, count: number, draw: () => string): string {
  if (account === null) return draw()
  const wanted = placeOf(account, count)
  for (;;) {
    const id = draw()
    if (placeOf(id, count) === wanted) return id
  }
}
