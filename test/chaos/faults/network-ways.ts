import { setTimeout as pause } from 'node:timers/promises'
import { type Fate, inBody } from './proxy.ts'

/** One way in which an exchange is harmed, and what must be seen of it then. */
export interface Way<What> {
  readonly name: string
  readonly fate: () => Fate
  readonly expected: (what: What) => boolean
}

/** What became of a request whose first POST was harmed: how often Khipu got one, and whether it is known why. */
export interface Sent {
  readonly calls: number
  readonly attempts: number
  readonly isAmbiguous: boolean
}

const onlyOnce = ({ calls, attempts }: Sent) => calls === 1 && attempts === 1
const awaitedThenAgain = ({ calls, attempts, isAmbiguous }: Sent) =>
  calls === 1 && attempts === 2 && isAmbiguous

/** Every way of harming a POST to Khipu. */
export const POST_WAYS: readonly Way<Sent>[] = [
  {
    name: 'cut in the head',
    fate: () => ({ up: { after: 40, how: 'reset' } }),
    expected: awaitedThenAgain
  },
  {
    name: 'cut in the body',
    fate: () => ({ up: { after: inBody(0.5), how: 'reset' } }),
    expected: awaitedThenAgain
  },
  {
    name: 'cut before the answer',
    fate: () => ({ down: { after: 0, how: 'reset' } }),
    expected: onlyOnce
  },
  {
    name: 'answer cut in the head',
    fate: () => ({ down: { after: 12, how: 'reset' } }),
    expected: onlyOnce
  },
  {
    name: 'answer cut in the body',
    fate: () => ({ down: { after: inBody(0.5), how: 'reset' } }),
    // What came of a 2xx is kept, and the callback awaited.
    expected: onlyOnce
  },
  {
    name: 'half-closed before the answer',
    fate: () => ({ down: { after: 0, how: 'half-close' } }),
    expected: onlyOnce
  },
  {
    name: 'half-closed after the request',
    fate: () => ({ up: { after: inBody(1), how: 'half-close' } }),
    // A server may take that for the end of all, and not have taken the request.
    expected: (sent) => onlyOnce(sent) || awaitedThenAgain(sent)
  },
  {
    name: 'silent instead of an answer',
    fate: () => ({ down: { after: 0, how: 'silence' } }),
    expected: onlyOnce
  },
  {
    name: 'delayed',
    fate: () => ({ hold: () => pause(300) }),
    expected: (sent) => onlyOnce(sent) && !sent.isAmbiguous
  }
]

/** How the callback was answered, time after time; null where no answer came. */
export type Answers = readonly (string | null)[]

const saying =
  (...expected: Answers) =>
  (answers: Answers) =>
    String(answers) === String(expected)

/** Every way of harming a callback. */
export const CALLBACK_WAYS: readonly Way<Answers>[] = [
  {
    name: 'cut in the head',
    fate: () => ({ up: { after: 40, how: 'reset' } }),
    expected: saying(null, 'accepted')
  },
  {
    name: 'cut in the body',
    fate: () => ({ up: { after: inBody(0.5), how: 'reset' } }),
    expected: saying(null, 'accepted')
  },
  {
    name: 'half-closed in the body',
    fate: () => ({ up: { after: inBody(0.5), how: 'half-close' } }),
    // Half a body is no body: 400, where it could still be said.
    expected: (answers) => /^(?:400)?,accepted$/.test(String(answers))
  },
  {
    name: 'cut before the answer',
    fate: () => ({ down: { after: 0, how: 'reset' } }),
    expected: saying(null, 'duplicate')
  },
  {
    name: 'answer cut in the body',
    fate: () => ({ down: { after: inBody(0.5), how: 'reset' } }),
    expected: saying(null, 'duplicate')
  },
  {
    name: 'silent instead of an answer',
    fate: () => ({ down: { after: 0, how: 'silence' } }),
    expected: saying(null, 'duplicate')
  },
  {
    name: 'half-closed after the request',
    fate: () => ({ up: { after: inBody(1), how: 'half-close' } }),
    expected: (answers) => /^,?(?:accepted|duplicate)$/.test(String(answers))
  },
  {
    name: 'delayed',
    fate: () => ({ hold: () => pause(300) }),
    expected: saying('accepted')
  }
]
