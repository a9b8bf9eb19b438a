import { type Group, readGroup } from '../../core/groups/group.ts'
import type { Store } from '../store.ts'

/** A change of the state of a request. */
export interface RequestChange {
  readonly type: 'request'
  readonly requestId: string
  /** The state before; null if it is new. */
  readonly from: string | null
  readonly to: Group
}

/** An operation has begun, gone on or ended. */
export interface OperationChange {
  readonly type: 'operation'
  readonly operationId: string
  readonly state: string
}

/** A body is kept in quarantine from now on, or not any more. */
export interface QuarantineChange {
  readonly type: 'quarantine'
  readonly quarantineId: string
  readonly requestId: string
  readonly kind: string
  readonly change: string
}

export type Change = (RequestChange | OperationChange | QuarantineChange) & {
  /** Redis's clock, in ms since 1970. */
  readonly at: number
}

/** Events of one part of the ledger. A place is the id of the last entry that was read, by Redis. */
export interface EventLog {
  /** The place behind the newest event. */
  end(): Promise<string>
  /** Whether no event behind a place has been deleted. */
  hasAllBehind(place: string): Promise<boolean>
  /** Some events behind a place, oldest first, each with its own. */
  readBehind(place: string): Promise<readonly (Change & { readonly place: string })[]>
}

/** How many events one call reads. */
const READ_AT_ONCE = 1000

export function createEventLog({ redis, key }: Store): EventLog {
  const name = key('events')
  return {
    async end() {
      const [newest] = await redis.xrevrange(name, '+', '-', 'COUNT', 1)
      return newest?.[0] ?? '0-0'
    },

    async hasAllBehind(place) {
      const [oldest] = await redis.xrange(name, '-', '+', 'COUNT', 1)
      return oldest === undefined || compareIds(oldest[0], place) <= 0
    },

    async readBehind(place) {
      const entries = await redis.xrange(name, `(${place}`, '+', 'COUNT', READ_AT_ONCE)
      return entries.map(([id, fields]) => {
        return { ...readChange(fields), place: id, at: Number(id.split('-')[0]) }
      })
    }
  }
}

/** The scripts write the type and the id of what has changed first. */
function readChange([type, id = '', ...fields]: readonly string[]):
  RequestChange | OperationChange | QuarantineChange {
  const [, first = '', , second = '', , third = ''] = fields
  switch (type) {
    case 'operation':
      return { type, operationId: id, state: first }
    case 'quarantine':
      return { type, quarantineId: id, requestId: first, kind: second, change: third }
    default:
      return {
        type: 'request',
        requestId: id,
        from: first === '' ? null : first,
        to: readGroup(second)
      }
  }
}

/** Compares ids of a stream, `<ms>-<number>`. */
function compareIds(one: string, other: string): number {
  const [[oneMs = 0, oneNumber = 0], [otherMs = 0, otherNumber = 0]] = [one, other].map((id) =>
    id.split('-').map(Number)
  ) as [number[], number[]]
  return oneMs - otherMs || oneNumber - otherNumber
}
