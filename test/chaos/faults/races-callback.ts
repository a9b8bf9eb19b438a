import { atRest, resultsOf } from '../../helpers/world.ts'
import { error, ok } from '../../helpers/callbacks.ts'
import { race, type Round, type Seen } from './arena.ts'
import {
  after,
  around,
  askAndSee,
  awaiting,
  both,
  firstOf,
  isKeptAs,
  must,
  post,
  retriesOfSilence,
  times
} from './moves.ts'

/** Races of a callback with something else. */
export const callbackRaces = [
  race({
    name: 'callback against deadline, 25 ms before to 25 ms after',
    winners: ['callback', 'deadline'],
    settings: retriesOfSilence(0),
    play: (round) => callbackAgainstDeadline(round)
  }),
  race({
    name: 'callback against a deadline that sends again',
    isLong: true,
    winners: ['callback', 'deadline'],
    settings: retriesOfSilence(1),
    play: (round) => callbackAgainstDeadline(round)
  }),
  race({
    name: 'callback against the 202',
    isLong: true,
    winners: ['callback', 'answer'],
    play: callbackAgainstAnswer
  }),
  race({ name: 'two callbacks with the same bytes', winners: ['one', 'other'], play: twins }),
  race({
    name: 'two good callbacks that differ',
    isLong: true,
    winners: ['one', 'other'],
    play: rivals
  }),
  race({
    name: 'a good callback against an error',
    winners: ['good', 'error'],
    play: goodAgainstError
  })
]

async function callbackAgainstDeadline(round: Round): Promise<Seen> {
  const { requestId, url, dueAt } = await awaiting(round)
  await around(round, dueAt)
  const answer = await post(url, ok())
  const seen = await atRest(round.service, requestId)
  must(answer.status === 200, 'it was acknowledged', answer)
  if (answer.said === 'late') await isKeptAs(round, requestId, 'late')
  return {
    requestId,
    winner: times(seen, 'deadline-passed') > 0 ? 'deadline' : 'callback',
    answers: [answer],
    isLost: answer.said === 'accepted' && seen.state !== 'delivered'
  }
}

const MOST_APART_MS = 30

async function callbackAgainstAnswer(round: Round): Promise<Seen> {
  const { chance, door, account, service } = round
  door.holdAnswers(account, chance.between(0, MOST_APART_MS))
  const { requestId, url } = await askAndSee(round)
  const answer = await after(chance.between(0, MOST_APART_MS), () => post(url, ok()))
  const seen = await atRest(service, requestId)
  must(answer.said === 'accepted' && seen.attempts === 1, 'it was taken', { answer, seen })
  return {
    requestId,
    winner: firstOf(seen, ['callback', 'acknowledged']) === 'callback' ? 'callback' : 'answer',
    answers: [answer],
    isLost: seen.state !== 'delivered'
  }
}

async function twins(round: Round): Promise<Seen> {
  const { requestId, url } = await askAndSee(round)
  const answers = await both(
    round,
    () => post(url, ok()),
    () => post(url, ok())
  )
  const seen = await atRest(round.service, requestId)
  const said = answers.map((answer) => answer.said).toSorted()
  must(said.join() === 'accepted,duplicate', 'one is taken, the other known', said)
  must(times(seen, 'callback') === 1, 'it was applied once', seen)
  return {
    requestId,
    winner: answers[0].said === 'accepted' ? 'one' : 'other',
    answers,
    isLost: seen.state !== 'delivered'
  }
}

async function rivals(round: Round): Promise<Seen> {
  const { requestId, url } = await askAndSee(round)
  const [one, other] = [ok({ OperationId: 'one' }), ok({ OperationId: 'other' })]
  const answers = await both(
    round,
    () => post(url, one),
    () => post(url, other)
  )
  const seen = await atRest(round.service, requestId)
  await isKeptAs(round, requestId, 'conflict')
  const results = await resultsOf(round.world, [requestId])
  const winner = String(results.get(requestId)?.data.response?.['OperationId'])
  return {
    requestId,
    winner,
    answers,
    isLost: seen.state !== 'delivered' || !['one', 'other'].includes(winner)
  }
}

async function goodAgainstError(round: Round): Promise<Seen> {
  const { requestId, url } = await askAndSee(round)
  const answers = await both(
    round,
    () => post(url, ok()),
    () => post(url, error('DO_NOT_RETRY', 'E401'))
  )
  const [good] = answers
  const seen = await atRest(round.service, requestId)
  if (good.said === 'late') {
    must(seen.state === 'failed', 'it had failed', { answers, seen })
    await isKeptAs(round, requestId, 'late')
  }
  return {
    requestId,
    winner: seen.state === 'delivered' ? 'good' : 'error',
    answers,
    isLost: good.said === 'accepted' && seen.state !== 'delivered'
  }
}
