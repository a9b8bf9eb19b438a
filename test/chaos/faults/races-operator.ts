import type { RequestView } from '../../../src/schemas/generated.ts'
import { inState, view } from '../../helpers/world.ts'
import { until } from '../../helpers/until.ts'
import { error } from '../../helpers/callbacks.ts'
import { race, type Round, type Seen } from './arena.ts'
import {
  aroundRetry,
  awaiting,
  both,
  deliver,
  firstOf,
  isRetried,
  must,
  NOTIFIED_BEFORE,
  notify,
  parked,
  post,
  RETRIES_IN_A_SECOND,
  retry,
  times
} from './moves.ts'

/** Notifications and operators at the moment when something else happens. */
export const operatorRaces = [
  race({
    name: 'notification against parking',
    winners: ['notification', 'notification in between', 'parking'],
    redisTakesMs: 40,
    play: notificationAgainstParking
  }),
  race({
    name: "an operator's retry against notification",
    winners: ['retry', 'notification'],
    play: retryAgainstNotification
  }),
  race({
    name: 'another authorization against sending',
    isLong: true,
    winners: ['authorization', 'sending'],
    settings: RETRIES_IN_A_SECOND,
    play: authorizationAgainstSending
  })
]

const PARKS = error('RETRY_AFTER_NOTIFICATION', 'I001')

async function notificationAgainstParking(round: Round): Promise<Seen> {
  const { service } = round
  const { requestId, url } = await awaiting(round)
  const [answer] = await both(
    round,
    () => post(url, PARKS),
    () => notify(round, requestId),
    [-15, 150]
  )
  const seen = await until('the error was acted on', async () => {
    const one = await view(service, requestId)
    return times(one, 'callback') > 0 ? one : null
  })
  const notifiedAt = await instantOfNotification(round, requestId)
  const failedAt = Date.parse(seen.history.find(({ event }) => event === 'callback')?.at ?? '')
  if (failedAt <= notifiedAt) await notParked(round, requestId)
  const good = await deliver(round, requestId, url)
  return { requestId, winner: winnerOf(seen, failedAt > notifiedAt), answers: [answer, good] }
}

// Between the failure and the parking lies what the race is about.
function winnerOf(seen: RequestView, isNotifiedFirst: boolean): string {
  if (isNotifiedFirst) return 'notification'
  return times(seen, 'parked') > 0 ? 'parking' : 'notification in between'
}

function notParked({ service }: Round, requestId: string): Promise<unknown> {
  return until(`${requestId}, which failed before the notification, is let go`, async () => {
    const { state } = await view(service, requestId)
    return state !== 'parked'
  })
}

// Only the ledger itself knows it to the millisecond.
async function instantOfNotification({ world }: Round, requestId: string): Promise<number> {
  const key = `{${world.env['QUEUE_PREFIX']}:0}:notifications`
  const members = await world.client.zrange(key, '0', '-1')
  return Number(members.find((member) => member.includes(requestId))?.split('|', 1)[0])
}

async function retryAgainstNotification(round: Round): Promise<Seen> {
  const { service, world, account } = round
  const { requestId, url, answer } = await parked(round)
  const [retried] = await both(
    round,
    () => retry(round, requestId),
    () => notify(round, requestId),
    NOTIFIED_BEFORE
  )
  const seen = await inState(service, requestId, 'awaiting-callback')
  must(seen.attempts === 2, 'it was sent once more', seen)
  isRetried(retried, seen)
  const good = await deliver(round, requestId, url)
  const calls = world.khipu.calls.filter((one) => one.account === account)
  must(calls.length === 2, 'and Khipu was asked no more often', { calls, seen })
  const first = firstOf(seen, ['released', 'retry-requested'])
  const winner = first === 'released' ? 'notification' : 'retry'
  return { requestId, winner, answers: [answer, good] }
}

async function authorizationAgainstSending(round: Round): Promise<Seen> {
  const { service, world, account } = round
  const asked = await awaiting(round, { authorization: { jwt: 'one' } })
  const { requestId, url } = asked
  const failed = await aroundRetry(round, asked)
  const path = `/v1/requests/${requestId}/authorization`
  const given = await service.api('PUT', path, { jwt: 'other' })
  must(given.status === 200, 'an open request takes it', given.body)
  const seen = await inState(service, requestId, 'awaiting-callback')
  must(seen.attempts === 2, 'it was sent once more', seen)
  const isBefore = eventAt(seen, 'authorization-given') < seen.history.findLastIndex(isSending)
  const used = world.khipu.calls.findLast((one) => one.account === account)?.credential
  must(used === 'other' || (!isBefore && used === 'one'), 'with what it had by then', {
    used,
    seen
  })
  const good = await deliver(round, requestId, url)
  return { requestId, winner: isBefore ? 'authorization' : 'sending', answers: [failed, good] }
}

function isSending({ event }: RequestView['history'][number]): boolean {
  return event === 'sending'
}

function eventAt({ history }: RequestView, name: string): number {
  return history.findIndex(({ event }) => event === name)
}
