import { EVERY_GROUP, countedCode } from '../groups/group.ts'
import type { Notification } from '../notification.ts'
import type { Lane, Operation, Selection } from './operation.ts'

/** The parked requests that a notification concerns. */
export function selectionOfNotification(notification: Omit<Notification, 'at'>): Selection {
  const { service, code, reason, requestIds } = notification
  const grouped = code === null ? null : countedCode(code)
  const list = (value: string | null) => (value === null ? null : [value])
  return {
    groups: {
      ...EVERY_GROUP,
      state: ['parked'],
      reason: list(reason),
      code: list(grouped),
      service: list(service)
    },
    since: null,
    until: null,
    code: grouped === code ? null : code,
    kinds: null,
    ids: requestIds === null ? null : requestIds.toSorted()
  }
}

/** The operation that releases what a notification concerns. It has no canary. */
export function operationOfNotification(
  id: string,
  notification: Notification,
  lanes: readonly Lane[]
): Operation {
  const { by = 'notification', at } = notification
  return {
    id,
    action: 'release',
    selection: selectionOfNotification(notification),
    filter: null,
    by,
    note: null,
    pace: null,
    limit: null,
    early: false,
    force: false,
    startedAt: at,
    endedAt: null,
    state: 'running',
    lanes,
    canaries: []
  }
}

/** Parked for these reasons, requests tell whether the bank, or Khipu, works again. */
const OF_BANKS: ReadonlySet<string> = new Set([
  'retry-after-notification',
  'unknown-type',
  'unauthorized'
])

/** Whether one request of each bank goes first, where nobody says. */
export function defaultCanary({ groups: { reason } }: Pick<Selection, 'groups'>): 'bank' | 'none' {
  return reason === null || reason.some((one) => OF_BANKS.has(one)) ? 'bank' : 'none'
}
