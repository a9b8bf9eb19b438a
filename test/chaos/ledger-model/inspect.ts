import { groupOf } from '../../../src/core/groups/group.ts'
import type { QueueName } from '../../../src/queue/queues.ts'
import { jobsOf } from '../../../src/core/required-jobs.ts'
import { isOpen, type Request } from '../../../src/core/request.ts'
import { quarantineId } from '../../../src/crypto/callback-id.ts'
import { check } from '../../../src/schemas/validate.ts'
import { inspectShape, STATE_AFTER } from '../../helpers/life.ts'
import { inspectHistory } from './history.ts'
import { isMeant, type Seen, type Sight } from './sight.ts'
import type { Rules } from '../../helpers/rules.ts'
import type { Journal } from './journal.ts'

const ON_ITS_WAY: ReadonlySet<string> = new Set(['sending', 'awaiting-callback'])
const ENDED: ReadonlySet<string> = new Set(['delivered', 'failed', 'cancelled'])

/** What must be so at any instant, whatever has just happened: a process may have died in the middle of it. */
export function inspect(sight: Sight, journal: Journal, rules: Rules): void {
  for (const seen of sight.requests.values()) {
    inspectShape(seen.record)
    inspectHistory(seen.record, journal.posts, rules)
    inspectKeys(seen, sight)
    inspectParked(seen.record, sight, rules)
  }
  inspectIndexes(sight)
  inspectGroups(sight)
  inspectTurns(sight)
  inspectQuarantine(sight)
  inspectResults(sight)
}

/** What is kept of a request beside its record, and no more than that. */
function inspectKeys({ record, state, account, hasInput, pending, bodies }: Seen, sight: Sight) {
  const { requestId, response, publishedAt } = record
  same(state, record.state, 'the state must be that of the record')
  same(account, record.account?.id ?? '', 'the account must be that of the record')
  same(hasInput, isOpen(record), 'what is to be sent must be kept until the end, and shredded then')
  const needed = response !== null && publishedAt === null ? [response.body] : []
  const wanted = new Set([...pending.keys(), ...needed])
  sameSet(bodies, [...wanted], 'a body must be kept while it is needed, and no longer')
  same(sight.received.has(requestId), pending.size > 0, 'the index must have what is unread')
  const [job] = jobsOf(record)
  const due = sight.due.get(requestId)
  // Whose turn has come is marked as due, again with every commit of its account.
  const latest = Math.max(job?.at ?? 0, sight.now)
  const isPromoted = waits(record) || record.reason === 'logon-probe'
  const isAsDue = due === job?.at || (isPromoted && due !== undefined && due <= latest)
  must(isAsDue, `the index must have when it is due: ${due}, not ${job?.at}`)
}

function waits({ state, reason }: Request): boolean {
  if (reason === 'logon-probe') return false
  return state === 'queued' || (state === 'retry-scheduled' && reason === 'account-busy')
}

/** Each request is in its group and in no other, and each group has as many as it says. */
function inspectGroups({ requests, groups, groupCounts }: Sight): void {
  const wanted = [...requests].map(([id, { record }]) => `${id} ${groupOf(record)}`)
  sameSet(
    groups.map(([id, name]) => `${id} ${name}`),
    wanted,
    'each request must be in its own group'
  )
  for (const [name, count] of Object.entries(groupCounts)) {
    const members = groups.filter(([, group]) => group === name)
    same(String(members.length), count, `the group ${name} must have as many as it says`)
  }
}

function inspectIndexes({ requests, all, states, due, totals, ended }: Sight): void {
  const records = [...requests.values()].map(({ record }) => record)
  same(totals['accepted'] ?? 0, all.length, 'all that was accepted must be counted')
  for (const [state, dues] of Object.entries(states)) {
    const wanted = records.filter((record) => record.state === state)
    const live = ENDED.has(state) ? [] : wanted
    sameSet([...dues.keys()], live.map(idOf), `the index of ${state} must be right`)
    for (const [id, at] of dues) same(at, due.get(id), `${id} must be due when its state says`)
    if (ENDED.has(state)) same(totals[state] ?? 0, wanted.length, `the count of ${state}`)
  }
  const over = records.filter((record) => !isOpen(record))
  sameSet([...ended.keys()], over.map(idOf), 'the index must have what has ended')
}

function inspectTurns({ requests, waiting, turns }: Sight): void {
  const records = [...requests.values()].map(({ record }) => record)
  for (const [account, ids] of Object.entries(waiting)) {
    const own = records.filter((record) => record.account?.id === account)
    const going = own.filter(({ state }) => ON_ITS_WAY.has(state)).map(idOf)
    must(going.length <= 1, 'two of an account are on their way')
    must(
      going.every((id) => turns[account]?.includes(id)),
      'who is on its way must have the turn'
    )
    sameSet(ids, own.filter(waits).map(idOf), 'the index must have who waits for its turn')
  }
}

function inspectQuarantine({ quarantine, totals, requests }: Sight): void {
  const entries = [...quarantine]
  const bytes = entries.reduce((sum, [, { size }]) => sum + size, 0)
  same(totals['quarantineBytes'] ?? 0, bytes, 'the sum of what is kept must be right')
  for (const [requestId, { kept }] of requests) {
    const own = entries.filter(([, entry]) => entry.requestId === requestId).map(([id]) => id)
    sameSet(kept, own, 'the share of a request must be right')
  }
}

/** Exactly one result for what has ended and says so, none for what has not. */
function inspectResults({ requests, results }: Sight): void {
  const ids = results.map(({ id }) => id)
  same(new Set(ids).size, ids.length, 'a result must be there once')
  for (const { id, name, data } of results) {
    const request = requests.get(id.replace(/-late$/, ''))?.record
    must(request !== undefined && !isOpen(request), 'a result must be of a request that has ended')
    must(check('result', data).valid, 'a result must fit its schema')
    same(name, data.outcome, 'a result must be named as it came out')
    const isDelivered = id.endsWith('-late') || request.state === 'delivered'
    same(data.outcome, isDelivered ? 'delivered' : 'failed', 'a result must tell how it ended')
    same(data.attempts, request.attempts.length, 'a result must tell how often it was sent')
  }
  for (const { record } of requests.values()) {
    const isThere = record.publishedAt === null || ids.includes(record.requestId)
    must(isThere, 'what is marked as published must have been published')
  }
}

/** A notification that came since it failed, and whose releases are done, was meant for it. */
function inspectParked(request: Request, { notifications, releasing }: Sight, rules: Rules): void {
  if (request.parked === null || hasUsedUp(request, rules)) return
  const index = request.history.findLastIndex(({ event }) => event === 'parked')
  const line = request.history[index]
  const before = request.history[index - 1]
  const wasReceived = before?.event === 'callback' || before?.event === 'answered'
  const failedAt = wasReceived ? before.at : (line?.at ?? 0)
  const missed = notifications.filter(
    (each) => each.at >= failedAt && isMeant(each, request) && !releasing.has(each.at)
  )
  must(missed.length === 0, 'it waits for a notification that has come already')
}

/** No notification releases a request that may not be sent again. A late callback can tell so while it is parked. */
function hasUsedUp({ attempts }: Request, { policy, mostRetries }: Rules): boolean {
  const refused = attempts.filter(({ refusedLogon }) => refusedLogon === true).length
  const mostLogons = (mostRetries['refused-logon'] ?? 0) + 1
  return attempts.length >= policy.maxAttempts || refused >= mostLogons
}

/** What must be so in the end, when nothing moves any more. */
export function inspectEnd(sight: Sight, journal: Journal): void {
  same(sight.all.length, journal.asked.length, 'each ask must be one request')
  must(
    [...sight.requests.values()].every(({ record }) => record.publishedAt !== null),
    'every request must have ended, and its result been published'
  )
  same(sight.due.size + sight.received.size, 0, 'nothing must be left to do')
  for (const { requestId, id, attempt, isGood } of journal.acknowledged) {
    if (isGood) inspectAcknowledged(sight, journal, { requestId, id, attempt })
  }
  for (const { record } of sight.requests.values()) {
    inspectWinner(record, journal)
    inspectSends(record, journal)
  }
}

/** A good result that was acknowledged is delivered, or kept for an operator to see. */
function inspectAcknowledged(
  sight: Sight,
  { operated }: Journal,
  { requestId, id }: { requestId: string; id: string; attempt: number }
): void {
  const response = sight.requests.get(requestId)?.record.response ?? null
  const isDelivered = sight.requests.get(requestId)?.record.state === 'delivered'
  const isSame = isDelivered && hashOf(response?.body ?? '') === hashOf(id)
  const keptAs = quarantineId(requestId, id)
  const kind = sight.quarantine.get(keptAs)?.kind
  const isKept = kind === (isDelivered ? 'conflict' : 'late') || operated.has(keptAs)
  must(isSame || isKept, `the good callback ${id} was acknowledged, and lost`)
}

/** The first good result wins; where a process died nobody else knows which that was. */
function inspectWinner(
  { requestId, state, response }: Request,
  { stored, crashes }: Journal
): void {
  if (state !== 'delivered' || crashes > 0) return
  const [first] = [...stored.values()]
    .filter((each) => each.requestId === requestId && each.isGood)
    .toSorted((one, other) => one.nth - other.nth)
  same(response?.body, first?.id, 'the first good result must win')
}

/** No attempt without a POST, unless it had ended by then, or its process died or was held up between them. */
function inspectSends(request: Request, { posts, crashes, heldUp }: Journal): void {
  const own = posts.filter(({ requestId }) => requestId === request.requestId)
  must(own.length <= request.attempts.length, 'nothing must be sent without an attempt')
  if (crashes > 0 || heldUp > 0) return
  const changes = request.history.filter(({ event }) => STATE_AFTER.has(event))
  for (const [index, { event, attempt }] of changes.entries()) {
    if (event !== 'sending' || own.some((post) => post.attempt === attempt)) continue
    const next = changes[index + 1]?.event ?? ''
    must(ENDED.has(next), 'an attempt that was begun must be sent')
  }
}

/** The jobs that must exist, and the instants by which the sweep goes. */
export function jobsWanted(sight: Sight): Wanted[] {
  return [...sight.requests.values()].flatMap(({ record }) =>
    jobsOf(record).flatMap(({ type, jobId, requestId, at }) =>
      type === 'result' ? [] : [{ queue: type, jobId, at: sight.due.get(requestId) ?? at }]
    )
  )
}

interface Wanted {
  readonly queue: QueueName
  readonly jobId: string
  readonly at: number
}

function idOf({ requestId }: Request): string {
  return requestId
}

function hashOf(callbackId: string): string {
  return callbackId.slice(callbackId.indexOf('.') + 1)
}

function sameSet(found: readonly string[], wanted: readonly string[], otherwise: string): void {
  same(found.toSorted().join(), wanted.toSorted().join(), otherwise)
}

function same(found: unknown, wanted: unknown, otherwise: string): void {
  must(found === wanted, `${otherwise}: ${String(found)}, not ${String(wanted)}`)
}

/** Throws what is broken where it doesn't hold. */
export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}
