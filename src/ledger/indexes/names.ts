import { createHash } from 'node:crypto'
import type { Request } from '../../core/request.ts'
import { hashOf } from '../store.ts'

/** What the indexes by name have of a request; `lua/include/indexes.lua` reads it. */
export interface Names {
  /** Absent if the request has none. */
  readonly reference?: string
  /** The hash that has an id of Khipu's, and the id. */
  readonly operations: readonly (readonly [bucket: string, operationId: string])[]
}

/** The same, with the indexes by id in which older versions keep the request. */
export interface AllNames extends Names {
  readonly old: readonly string[]
}

/** The names of a request. */
export function namesOf(request: Request): Names {
  const { reference } = request
  return {
    ...(reference !== null && { reference: reference.toWellFormed() }),
    operations: [...operationIdsOf(request)].map((id) => [bucketOf(id), id] as const)
  }
}

/** All names of a request, with those of older versions. */
export function allNamesOf(request: Request): AllNames {
  const { state, service, reference } = request
  return {
    ...namesOf(request),
    old: [
      `state:${state}`,
      `service:${service}`,
      ...(reference === null ? [] : [`reference:${hashOf(reference)}`])
    ]
  }
}

/** The names that a change of a request adds. */
export function newNames(before: Request, after: Request): Names {
  const id = after.operationId
  const isNew = id !== null && id !== before.operationId
  return { operations: isNew ? [[bucketOf(id), id]] : [] }
}

/** The hash of `<tag>:operations:<bucket>` that has an operation id: of a million ids each has some fifteen. */
export function bucketOf(operationId: string): string {
  return createHash('sha256').update(operationId).digest('hex').slice(0, 4)
}

/** Khipu's ids of every operation that a request is known to have begun. */
export function operationIdsOf({ operationId, history }: Request): ReadonlySet<string> {
  const noted = history.flatMap(({ operationId: id }) => (typeof id === 'string' ? [id] : []))
  return new Set(operationId === null ? noted : [...noted, operationId])
}
