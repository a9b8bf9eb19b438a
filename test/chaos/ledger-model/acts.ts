import { v7 as uuidv7 } from 'uuid'
import { acceptRequest } from '../../../src/core/new-request.ts'
import { authorize } from '../../../src/core/transitions/on-operator.ts'
import { note } from '../../../src/core/request.ts'
import type { Step } from '../../../src/ledger/advance.ts'
import type { Input } from '../../../src/ledger/input.ts'
import { acceptQuarantined } from '../../helpers/handlers.ts'
import { createOperatorAdvance } from '../../../src/operator/operator-advance.ts'
import { ensure } from '../../helpers/life.ts'
import { callbackOf } from '../../helpers/callbacks.ts'
import { BTG } from '../../helpers/requests.ts'
import { bytesOf, type Happening, isGood } from './happening.ts'
import type { Ask, Journal } from './journal.ts'
import type { Process } from './site.ts'

// What the outside does to a process of the service, past HTTP, which has tests of its own.

/** Whoever asks for more in one run asks for nothing. */
const MOST_REQUESTS = 4
const ELSEWHERE = 'cl/banking/personal/bci.cl/transactions'

/** Asks for one more, or again for what was not answered. */
export async function ask(
  { deps }: Process,
  journal: Journal,
  { account, logon, isElsewhere }: Extract<Happening, { type: 'ask' }>
): Promise<void> {
  if (journal.unanswered.length === 0) {
    if (journal.asked.length >= MOST_REQUESTS) return
    const RequestData = { AccountNumber: `00001188775${account}` }
    const service = isElsewhere ? ELSEWHERE : BTG
    const next = {
      key: `key-${journal.asked.length}`,
      service,
      input: { RequestData, ...broughtWith(logon) }
    }
    journal.asked.push(next)
    journal.unanswered.push(next)
  }
  const [first] = journal.unanswered
  if (first !== undefined) await askFor(deps, journal, first)
}

/** As the operator API does, but for HTTP. */
async function askFor(deps: Process['deps'], journal: Journal, ask: Ask): Promise<void> {
  const { key, service, input } = ask
  const fingerprint = Buffer.from(key)
  const reservation = { requestId: uuidv7(), fingerprint }
  const { requestId } = await deps.idempotency.reserve('ann', key, reservation)
  const now = await deps.catalog.now()
  const account = deps.accounts.identify(service, input)
  const authorization = input.authorization === undefined ? null : { expiresAt: null }
  const asked = { requestId, service, reference: key, account, authorization }
  const request = acceptRequest(asked, 'ann', now)
  if (await deps.ledger.create(request, input)) await deps.jobs.ensure(request, now)
  else journal.unrest += 1
  journal.unanswered = journal.unanswered.filter((other) => other !== ask)
}

/** As the public listener does, but for HTTP. */
export async function callBack(
  { deps }: Process,
  journal: Journal,
  { pick, body }: Extract<Happening, { type: 'callback' }>
): Promise<void> {
  const reached = journal.posts.filter(({ said }) => said !== 'lost-before')
  const post = reached.at(pick % Math.max(reached.length, 1))
  if (post === undefined) return
  const { requestId, attempt } = post
  const received = bytesOf(body)
  if (body.kind === 'not-json') {
    await deps.quarantine.keep({ requestId, attempt, marksAttempt: true }, 'not-json', [], received)
    return
  }
  const callback = callbackOf(attempt, received)
  const { id } = callback
  const [status] = await Promise.all([
    deps.ledger.receive(requestId, callback, received),
    deps.jobs.enqueueCallback(requestId, id)
  ])
  ensure(status !== 'unknown' && status !== 'full', 'the request of a capability must be known')
  journal.acknowledged.push({ id, requestId, attempt, isGood: isGood(body) })
}

/** An operator changes a request, as the operator API lets them. */
export async function operate(
  { deps }: Process,
  requestId: string | undefined,
  step: Step
): Promise<void> {
  if (requestId !== undefined) await createOperatorAdvance(deps)(requestId, step)
}

/** An operator gives a request another JWT, as the operator API lets them. */
export async function giveAuthorization(
  { deps }: Process,
  requestId: string | undefined,
  logon: number
): Promise<void> {
  const input = requestId === undefined ? null : await deps.ledger.openInput(requestId)
  if (input === null || requestId === undefined) return
  const authorization = { jwt: `jwt-${logon}` }
  const sealed = deps.ledger.seal(requestId, { ...input, authorization })
  const step: Step = (request, { now }) => {
    const account = deps.accounts.identify(request.service, { ...input, authorization })
    return authorize(request, { authorization: { expiresAt: null }, account }, 'ann', now)
  }
  await createOperatorAdvance(deps)(requestId, step, { sealed })
}

/** An operator accepts or discards a kept body. */
export async function judge(
  { deps }: Process,
  journal: Journal,
  what: 'accept' | 'discard',
  id: string | undefined
): Promise<void> {
  const kept = id === undefined ? null : await deps.quarantine.find(id)
  if (kept === null) return
  journal.operated.add(kept.quarantineId)
  if (what === 'accept') return acceptQuarantined(deps, kept, 'ann')
  if (!(await deps.quarantine.discard(kept.quarantineId))) return
  await createOperatorAdvance(deps)(kept.requestId, (request, { now: at }) =>
    note(request, { at, event: 'quarantine-discarded' })
  )
}

/** No log-on of its own, or one of two JWTs. */
function broughtWith(logon: number): Pick<Input, 'authorization'> {
  return logon === 0 ? {} : { authorization: { jwt: `jwt-${logon}` } }
}
