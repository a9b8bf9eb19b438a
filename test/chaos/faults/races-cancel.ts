import type { RequestView } from '../../../src/schemas/generated.ts'
import type { Answer } from '../../helpers/service-process.ts'
import { atRest, inState, view } from '../../helpers/world.ts'
import { error, ok } from '../../helpers/callbacks.ts'
import {
  context,
  RETRIES_IN_A_SECOND,
  after,
  askAndSee,
  awaiting,
  both,
  firstOf,
  keptOf,
  must,
  parked,
  post,
  race,
  type Round,
  type Seen,
  times
} from './arena.ts'

/** Cancelling at the moment when something else happens. */
export const cancelRaces = [
  race({
    name: 'cancel against callback',
    winners: ['cancel', 'callback'],
    play: cancelAgainstCallback
  }),
  race({
    name: 'cancel against the 202',
    isLong: true,
    winners: ['cancel', 'answer'],
    play: cancelAgainstAnswer
  }),
  race({
    name: 'cancel against deadline',
    winners: ['cancel', 'deadline'],
    settings: {
      policy: { retry: { 'no-callback': { delays: ['0s'], jitter: 0, maxRetries: 0 } } },
      env: { CALLBACK_TIMEOUT: '1s' }
    },
    play: cancelAgainstDeadline
  }),
  race({
    name: 'cancel against the sending of a retry',
    isLong: true,
    winners: ['cancel', 'sending'],
    settings: RETRIES_IN_A_SECOND,
    play: cancelAgainstSending
  }),
  race({
    name: "cancel against an operator's retry",
    isLong: true,
    winners: ['cancel', 'retry'],
    play: cancelAgainstRetry
  }),
  race({
    name: 'cancel against notification',
    isLong: true,
    winners: ['cancel', 'notification'],
    play: cancelAgainstNotification
  }),
  race({
    name: 'cancel against cancel',
    isLong: true,
    winners: ['one', 'other'],
    play: cancelTwice
  })
]

async function cancelAgainstCallback(round: Round): Promise<Seen> {
  const { requestId, url } = await askAndSee(round)
  const [cancelled, answer] = await both(
    round,
    () => cancel(round, requestId),
    () => post(url, ok())
  )
  const seen = await atRest(round.service, requestId)
  mustAgree(cancelled, seen)
  if (answer.said === 'late') {
    const kept = await keptOf(round, requestId)
    must(kept.length === 1 && kept[0]?.kind === 'late', 'it is kept as late', kept)
  }
  return {
    requestId,
    winner: cancelled.status === 200 ? 'cancel' : 'callback',
    answers: [answer],
    isLost: answer.said === 'accepted' && seen.state !== 'delivered'
  }
}

async function cancelAgainstAnswer(round: Round): Promise<Seen> {
  const { chance, door, account, service } = round
  door.holdAnswers(account, chance.between(0, 30))
  const { requestId } = await askAndSee(round)
  const cancelled = await after(chance.between(0, 30), () => cancel(round, requestId))
  must(cancelled.status === 200, 'an open request can be cancelled', cancelled.body)
  const seen = await atRest(service, requestId)
  mustAgree(cancelled, seen)
  return { requestId, winner: times(seen, 'acknowledged') > 0 ? 'answer' : 'cancel', answers: [] }
}

async function cancelAgainstDeadline(round: Round): Promise<Seen> {
  const { requestId, dueAt } = await awaiting(round)
  await context(round, dueAt)
  const cancelled = await cancel(round, requestId)
  const seen = await atRest(round.service, requestId)
  mustAgree(cancelled, seen)
  must(cancelled.status === 200 || seen.reason === 'no-callback', 'else it was silence', seen)
  return { requestId, winner: cancelled.status === 200 ? 'cancel' : 'deadline', answers: [] }
}

async function cancelAgainstSending(round: Round): Promise<Seen> {
  const { service } = round
  const { requestId, url } = await awaiting(round)
  const answer = await post(url, error('RETRY_IMMEDIATELY'))
  const { dueAt } = await inState(service, requestId, 'retry-scheduled')
  await context(round, Date.parse(dueAt ?? ''))
  const cancelled = await cancel(round, requestId)
  must(cancelled.status === 200, 'an open request can be cancelled', cancelled.body)
  const seen = await atRest(service, requestId)
  mustAgree(cancelled, seen)
  const winner = seen.attempts === 1 ? 'cancel' : 'sending'
  return { requestId, winner, answers: [answer] }
}

async function cancelAgainstRetry(round: Round): Promise<Seen> {
  const { requestId, answer } = await parked(round)
  const [cancelled, retried] = await both(
    round,
    () => cancel(round, requestId),
    () => round.service.api<RequestView>('POST', `/v1/requests/${requestId}/retry`)
  )
  must(cancelled.status === 200, 'an open request can be cancelled', cancelled.body)
  const seen = await atRest(round.service, requestId)
  mustAgree(cancelled, seen)
  const isRetried = times(seen, 'retry-requested') === 1
  must((retried.status === 200) === isRetried, 'retry says what it did', { retried, seen })
  return { requestId, winner: isRetried ? 'retry' : 'cancel', answers: [answer] }
}

async function cancelAgainstNotification(round: Round): Promise<Seen> {
  const { requestId, answer } = await parked(round)
  const [cancelled, notified] = await both(
    round,
    () => cancel(round, requestId),
    () => round.service.api('POST', '/v1/notifications', { requestIds: [requestId] }),
    // A notification has to look for whom it concerns.
    [-90, 0]
  )
  must(cancelled.status === 200 && notified.status === 200, 'both were done', cancelled.body)
  const seen = await atRest(round.service, requestId)
  mustAgree(cancelled, seen)
  const winner = firstOf(seen, ['released', 'cancelled']) === 'released' ? 'notification' : 'cancel'
  return { requestId, winner, answers: [answer] }
}

async function cancelTwice(round: Round): Promise<Seen> {
  const { requestId } = await askAndSee(round)
  const answers = await both(
    round,
    () => cancel(round, requestId),
    () => cancel(round, requestId)
  )
  const statuses = answers.map(({ status }) => status)
  must(
    [200, 409].every((status) => statuses.includes(status)),
    'one does it',
    statuses
  )
  const seen = await view(round.service, requestId)
  must(seen.state === 'cancelled', 'it is cancelled', seen)
  return { requestId, winner: statuses[0] === 200 ? 'one' : 'other', answers: [] }
}

function cancel({ service }: Round, requestId: string): Promise<Answer<RequestView>> {
  return service.api<RequestView>('POST', `/v1/requests/${requestId}/cancel`)
}

/** What cancelling was answered is what became of the request. */
function mustAgree(cancelled: Answer<RequestView>, seen: RequestView): void {
  const { status, body } = cancelled
  must(status === 200 || status === 409, 'it was answered', body)
  must((status === 200) === (seen.state === 'cancelled'), 'the answer is true', { status, seen })
  must(status === 409 || body.state === 'cancelled', 'and says so', body)
}
