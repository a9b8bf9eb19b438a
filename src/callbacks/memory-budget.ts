/** Room for the bytes of bodies that are in hand; whoever finds none waits, the first who came goes first. */
export interface MemoryBudget {
  /**
   * Resolves once there is room, with what gives it back; null where it is called off before. A request that has
   * its share waits for its own, and holds nobody else up.
   */
  enter(requestId: string, bytes: number, calledOff: AbortSignal): Promise<FreeMemory | null>
}

export type FreeMemory = () => void

export interface MemoryBounds {
  /** In all; what is larger by itself gets in alone. */
  readonly bytes: number
  /** Of one request; one body of it always gets in. */
  readonly bytesOfRequest: number
}

interface Waiting {
  readonly requestId: string
  readonly bytes: number
  readonly letIn: () => void
}

export function createMemoryBudget(most: MemoryBounds): MemoryBudget {
  const holding = countHolding(most)
  let waiting: readonly Waiting[] = []

  // None is passed over for want of room, or large ones would wait for as long as smaller ones come.
  function letIn(): void {
    for (const next of waiting) {
      if (holding.hasShare(next)) continue
      if (!holding.hasRoom(next)) return
      waiting = waiting.filter((one) => one !== next)
      holding.add(next.requestId, next.bytes)
      next.letIn()
    }
  }

  function leaving(requestId: string, bytes: number): FreeMemory {
    let isOut = false
    return () => {
      if (isOut) return
      isOut = true
      holding.add(requestId, -bytes)
      letIn()
    }
  }

  return {
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
          letIn: () => {
            calledOff.removeEventListener('abort', callOff)
            resolve(leaving(requestId, bytes))
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

/** Counts what is in hand, in all and of each request. */
function countHolding(most: MemoryBounds) {
  let held = 0
  const heldOf = new Map<string, number>()
  return {
    add(requestId: string, bytes: number): void {
      held += bytes
      const left = (heldOf.get(requestId) ?? 0) + bytes
      if (left === 0) heldOf.delete(requestId)
      else heldOf.set(requestId, left)
    },
    hasShare({ requestId, bytes }: Waiting): boolean {
      const own = heldOf.get(requestId) ?? 0
      return own > 0 && own + bytes > most.bytesOfRequest
    },
    hasRoom: ({ bytes }: Waiting): boolean => held === 0 || held + bytes <= most.bytes
  }
}
