import { matches, type Notification } from './notification.ts'
import type { ParkCause } from './error-cause.ts'
import type { Request } from './request.ts'

/** Requests are counted in groups of the same state, reason, code and service. */
export interface Group {
  readonly state: string
  readonly reason: string
  readonly code: string
  readonly service: string
}

/** Elsewhere the code is no cause of the state. */
const WITH_CODE: ReadonlySet<string> = new Set(['retry-scheduled', 'parked', 'failed'])
/** Khipu's own codes. Whatever else it may name must not make a group each. */
const CODE = /^[A-Z]\d{3}$/

/** The name of a request's group: `state|reason|code|service`, with an empty reason or code where there is none. */
export function groupOf({ state, reason, code, service }: Request): string {
  const counted = code === null || !WITH_CODE.has(state) ? '' : CODE.test(code) ? code : 'other'
  return [state, reason ?? '', counted, service].join('|')
}

/** Reads the name of a group. */
export function readGroup(name: string): Group {
  const parts = name.split('|')
  const at = (index: number) => parts[index] ?? ''
  return { state: at(0), reason: at(1), code: at(2), service: parts.slice(3).join('|') }
}

/** Whether groups alone tell which requests a notification concerns. */
export function isOfGroups({ requestIds, code }: Notification): boolean {
  return requestIds === null && (code === null || CODE.test(code))
}

/** Whether a notification `isOfGroups` concerns the requests of a group. */
export function concerns(
  notification: Notification,
  { state, reason, code, service }: Group
): boolean {
  const cause = reason as ParkCause
  return (
    state === 'parked' &&
    matches(notification, { requestId: '', service, code: code === '' ? null : code, cause })
  )
}
