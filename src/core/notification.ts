import type { ParkCause } from './error-cause.ts'

/** Someone's word that a cause of failure is gone. What is null or absent matches everything. */
export interface Notification {
  readonly at: number
  /** The name of the token whose holder gave it. */
  readonly by?: string
  readonly service: string | null
  readonly code: string | null
  readonly reason: ParkCause | null
  readonly requestIds: readonly string[] | null
}

/** What a notification is held against. */
export interface Parkable {
  readonly requestId: string
  readonly service: string
  readonly code: string | null
  readonly cause: ParkCause
}

/** True where everything that the notification names is so of the request. */
export function matches(notification: Notification, parkable: Parkable): boolean {
  const { service, code, reason, requestIds } = notification
  return (
    (service === null || service === parkable.service) &&
    (code === null || code === parkable.code) &&
    (reason === null || reason === parkable.cause) &&
    (requestIds === null || requestIds.includes(parkable.requestId))
  )
}
