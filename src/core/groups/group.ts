import { END_STATES, type Request } from '../request.ts'

/** Requests are counted in groups of the same state, reason, code and service. */
export interface Group {
  readonly state: string
  readonly reason: string
  readonly code: string
  readonly service: string
}

/** The states that are final. */
export const ENDED: ReadonlySet<string> = new Set(END_STATES)

/** Elsewhere the code is no cause of the state. */
const WITH_CODE: ReadonlySet<string> = new Set(['retry-scheduled', 'parked', 'failed'])
/** Khipu's own codes. Whatever else it may name must not make a group each. */
const CODE = /^[A-Z]\d{3}$/

/** The name of a request's group: `state|reason|code|service`, with an empty reason or code where there is none. */
export function groupOf({ state, reason, code, service }: Request): string {
  const counted = WITH_CODE.has(state) ? countedCode(code) : ''
  return [state, reason ?? '', counted, service].join('|')
}

/** A code as it is counted: one of Khipu's own, or `other`; '' where there is none. */
export function countedCode(code: string | null): string {
  if (code === null) return ''
  return CODE.test(code) ? code : 'other'
}

/** Reads the name of a group. */
export function readGroup(name: string): Group {
  const parts = name.split('|')
  const at = (index: number) => parts[index] ?? ''
  return { state: at(0), reason: at(1), code: at(2), service: parts.slice(3).join('|') }
}

/** A group and its size. */
export interface SizedGroup {
  readonly name: string
  readonly count: number
  /** When its oldest request was asked for, in ms since 1970. */
  readonly oldestAt: number
}

/** The bank of a service: the fourth part of its path. */
export function bankOf(service: string): string {
  return service.split('/')[3] ?? ''
}

/** Which groups are asked for: of each field any of these values; null for any value at all. */
export interface GroupFilter {
  readonly state: readonly string[] | null
  readonly reason: readonly string[] | null
  readonly code: readonly string[] | null
  readonly service: readonly string[] | null
  readonly bank: readonly string[] | null
}

export const EVERY_GROUP: GroupFilter = {
  state: null,
  reason: null,
  code: null,
  service: null,
  bank: null
}

export function isAskedFor({ state, reason, code, service, bank }: GroupFilter, group: Group) {
  const isIn = (values: readonly string[] | null, value: string) => values?.includes(value) ?? true
  return (
    isIn(state, group.state) &&
    isIn(reason, group.reason) &&
    isIn(code, group.code) &&
    isIn(service, group.service) &&
    isIn(bank, bankOf(group.service))
  )
}
