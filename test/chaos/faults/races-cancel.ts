import type { RequestView } from '../../../src/schemas/generated.ts'
import type { Answer } from '../../helpers/service-process.ts'
import { atRest, view } from '../../helpers/world.ts'
import { ok } from '../../helpers/callbacks.ts'
import { race, type Round, type Seen } from './arena.ts'
import {
  after,
  around,
  aroundRetry,
  askAndSee,
  awaiting,
  both,
  firstOf,
  isKeptAs,
  isRetried,
  must,
  NOTIFIED_BEFORE,
  notify,
  parked,
  post,
  RETRIES_IN_A_SECOND,
  retriesOfSilence,
  retry,
  times
} from './moves.ts'

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
    settings: retriesOfSilence(0),
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
  const seen = await agreed(round, requestId, cancelled)
  if (answer.said === 'late') await isKeptAs(round, requestId, 'late')
  return {
    requestId,
    winner: cancelled.status === 200 ? 'cancel' : 'callback',
    answers: [answer],
    isLost: answer.said === 'accepted' && seen.state !== 'delivered'
  }
}

async function cancelAgainstAnswer(round: Round): Promise<Seen> {
  const { chance, door, account } = round
  door.holdAnswers(account, chance.between(0, 30))
  const { requestId } = await askAndSee(round)
  const cancelled = await after(chance.between(0, 30), () => cancel(round, requestId))
  const seen = await agreed(round, requestId, cancelled, { isOpen: true })
  return { requestId, winner: times(seen, 'acknowledged') > 0 ? 'answer' : 'cancel', answers: [] }
}

async function cancelAgainstDeadline(round: Round): Promise<Seen> {
  const { requestId, dueAt } = await awaiting(round)
  await around(round, dueAt)
  const cancelled = await cancel(round, requestId)
  const seen = await agreed(round, requestId, cancelled)
  must(cancelled.status === 200 || seen.reason === 'no-callback', 'else it was silence', seen)
  return { requestId, winner: cancelled.status === 200 ? 'cancel' : 'deadline', answers: [] }
}

async function cancelAgainstSending(round: Round): Promise<Seen> {
  const asked = await awaiting(round)
  const { requestId } = asked
  const answer = await aroundRetry(round, asked)
  const cancelled = await cancel(round, requestId)
  const seen = await agreed(round, requestId, cancelled, { isOpen: true })
  const winner = seen.attempts === 1 ? 'cancel' : 'sending'
  return { requestId, winner, answers: [answer] }
}

async function cancelAgainstRetry(round: Round): Promise<Seen> {
  const { requestId, answer } = await parked(round)
  const [cancelled, retried] = await both(
    round,
    () => cancel(round, requestId),
    () => retry(round, requestId)
  )
  const seen = await agreed(round, requestId, cancelled, { isOpen: true })
  const winner = isRetried(retried, seen) ? 'retry' : 'cancel'
  return { requestId, winner, answers: [answer] }
}

async function cancelAgainstNotification(round: Round): Promise<Seen> {
  const { requestId, answer } = await parked(round)
  const [cancelled, notified] = await both(
    round,
    () => cancel(round, requestId),
    () => notify(round, requestId),
    NOTIFIED_BEFORE
  )
  must(cancelled.status === 200 && notified.status === 200, 'both were done', cancelled.body)
  const seen = await agreed(round, requestId, cancelled)
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

/** The request at rest: what cancelling was answered is what became of it. One that is open can be cancelled. */
async function agreed(
  { service }: Round,
  requestId: string,
  { status, body }: Answer<RequestView>,
  { isOpen } = { isOpen: false }
): Promise<RequestView> {
  if (isOpen) must(status === 200, 'an open request can be cancelled', body)
  const seen = await atRest(service, requestId)
  must(status === 200 || status === 409, 'it was answered', body)
  must((status === 200) === (seen.state === 'cancelled'), 'the answer is true', { status, seen })
  must(status === 409 || body.state === 'cancelled', 'and says so', body)
  return seen
}
