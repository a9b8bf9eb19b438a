/** Limits the memory for the bodies that are read or processed. A body without room waits; the order is first come. */
export interface MemoryBudget {
  /** Takes the room of a body at once; null where the body must wait for it. */
  enterNow(requestId: string, bytes: number): FreeMemory | null
  /**
   * Resolves once there is room, with a function that frees the room; null where `calledOff` aborts before. A body that
   * would exceed the share of its request waits for other bodies of that request. It does not block other requests.
   */
  enter(requestId: string, bytes: number, calledOff: AbortSignal): Promise<FreeMemory | null>
}

export type FreeMemory = () => void

export interface MemoryBounds {
  /** Of all bodies together. A single larger body enters alone. */
  readonly bytes: number
  /** Of the bodies of one request. Its first body is always within its share. */
  readonly bytesOfRequest: number
}

interface Wanted {
  readonly requestId: string
  readonly bytes: number
}

interface Waiting extends Wanted {
  readonly letIn: (leave: FreeMemory) => void
}

export function createMemoryBudget(most: MemoryBounds): MemoryBudget {
  const holding = countHolding(most)
  let waiting: readonly Waiting[] = []

  // A body without room also blocks the bodies behind it. Otherwise smaller bodies could overtake a large one for ever.
  function letIn(): void {
    for (const next of waiting) {
      if (holding.hasShare(next)) continue
      if (!holding.hasRoom(next)) return
      waiting = waiting.filter((one) => one !== next)
      next.letIn(holding.take(next, letIn))
    }
  }

  return {
    enterNow(requestId, bytes) {
      const wanted = { requestId, bytes }
      if (waiting.length > 0 || holding.hasShare(wanted) || !holding.hasRoom(wanted)) return null
      return holding.take(wanted, letIn)
    },

    enter(requestId, bytes, calledOff) {
      return new Promise((resolve) => {
        const callOff = () => {
          waiting = waiting.filter((one) => one !== own)
          resolve(null)
          letIn()
        }
        const own: Waiting = {
          requestId,
          bytes,
          letIn: (leave) => {
            calledOff.removeEventListener('abort', callOff)
            resolve(leave)
          }
        }
        waiting = [...waiting, own]
        calledOff.addEventListener('abort', callOff)
        if (calledOff.aborted) callOff()
        else letIn()
      })
    }
  }
}

/** Counts the bytes in memory, in total and for each request. */
function countHolding(most: MemoryBounds) {
  let held = 0
  const heldOf = new Map<string, number>()
  const add = (requestId: string, bytes: number) => {
    held += bytes
    const left = (heldOf.get(requestId) ?? 0) + bytes
    if (left === 0) heldOf.delete(requestId)
    else heldOf.set(requestId, left)
  }
  return {
    take({ requestId, bytes }: Wanted, onFree: () => void): FreeMemory {
      add(requestId, bytes)
      let isFree = false
      return () => {
        if (isFree) return
        isFree = true
        add(requestId, -bytes)
        onFree()
      }
    },
    hasShare({ requestId, bytes }: Wanted): boolean {
      const own = heldOf.get(requestId) ?? 0
      return own > 0 && own + bytes > most.bytesOfRequest
    },
    hasRoom: ({ bytes }: Wanted): boolean => held === 0 || held + bytes <= most.bytes
  }
}
