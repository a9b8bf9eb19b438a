import type { ParkCause } from './error-cause.ts'

/** A statement by an operator that a cause of failure is gone. Null or absent fields match everything. */
export interface Notification {
  readonly at: number
  /** The name of the operator token that authenticated it. */
  readonly by?: string
  readonly service: string | null
  readonly code: string | null
  readonly reason: ParkCause | null
  readonly requestIds: readonly string[] | null
}

/** The fields of a parked request that a notification is compared with. */
export interface Parkable {
  readonly requestId: string
  readonly service: string
  readonly code: string | null
  readonly cause: ParkCause
}

/** True if every field of the notification matches the request. */
export function matches(notification: Notification, parkable: Parkable): boolean {
  const { service, code, reason, requestIds } = notification
  return (
    (service === null || service === parkable.service) &&
    (code === null || code === parkable.code) &&
    (reason === null || reason === parkable.cause) &&
    (requestIds === null || requestIds.includes(parkable.requestId))
  )
}
