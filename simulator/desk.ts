import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answerCall } from './answering.ts'
import { result, type Answer, type Behaviour } from './behaviour.ts'
import type { Courier, Errand } from './courier.ts'
import type { Call, Journal } from './journal.ts'
import { checkCall, type CheckedCall } from './request-check.ts'
import { behaviourOf } from './scenario.ts'
import { scenarioOf } from './scenarios.ts'
import type { Settings } from './settings.ts'

/** What the desk works with. */
export interface DeskDeps {
  readonly settings: Settings
  readonly journal: Journal
  readonly courier: Courier
}

/** Takes a call to Khipu's API: checks it, answers it, and has its callbacks carried. */
export async function takeCall(deps: DeskDeps, request: FastifyRequest, reply: FastifyReply) {
  const path = request.url.split('?', 1)[0] ?? ''
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const checked = checkCall(path, request.headers, body)
  if (checked.refusal !== null) {
    const call = writeDown(deps, path, checked, null)
    return answerCall(call, { kind: 'refusal', ...checked.refusal }, deps.settings, reply)
  }
  return serve(deps, path, checked, reply)
}

async function serve(deps: DeskDeps, path: string, checked: CheckedCall, reply: FastifyReply) {
  const { settings, journal, courier } = deps
  const account = checked.account ?? ''
  const scenario = scenarioOf(account)
  const attempt = journal.countAttempt(account)
  const behaviour = behaviourOf(scenario, attempt)
  const task = { account, attempt, scenario: scenario.name, operationId: randomUUID() }
  const call = writeDown(deps, path, checked, task)
  if (checked.callbackUrl === null) {
    return answerCall(call, synchronousAnswer(behaviour), settings, reply)
  }
  const errands = errandsOf(behaviour, { ...task, url: checked.callbackUrl }, journal)
  await courier.carry(errands.filter(({ callback }) => callback.beforeAnswer === true))
  await answerCall(call, behaviour.answer, settings, reply)
  void courier.carry(errands.filter(({ callback }) => callback.beforeAnswer !== true))
}

type Task = Omit<Errand, 'callback' | 'url'>

function writeDown(deps: DeskDeps, path: string, checked: CheckedCall, task: Task | null): Call {
  const call: Call = {
    at: new Date().toISOString(),
    path,
    account: checked.account,
    attempt: task?.attempt ?? 0,
    scenario: task?.scenario ?? null,
    auth: checked.auth,
    credential: checked.credential,
    requestData: checked.requestData,
    callbackUrl: checked.callbackUrl,
    operationId: task?.operationId ?? null,
    answer: null
  }
  deps.journal.addCall(call)
  return call
}

/** Without a CallbackUrl, what would have been called back is the answer. */
function synchronousAnswer({ answer, callbacks }: Behaviour): Answer {
  if (answer.kind !== 'acknowledgement') return answer
  return { kind: 'envelope', status: 200, body: callbacks[0]?.body ?? result }
}

function errandsOf({ callbacks }: Behaviour, own: Omit<Errand, 'callback'>, journal: Journal) {
  return callbacks.map((callback): Errand => {
    const older = callback.ofPreviousAttempt ? attemptBefore(own, journal) : {}
    return { ...own, ...older, callback }
  })
}

function attemptBefore({ account, attempt }: Task, { calls }: Journal): Partial<Errand> {
  const call = calls.findLast((one) => one.account === account && one.attempt === attempt - 1)
  if (!call?.operationId || !call.callbackUrl) return {}
  return { attempt: call.attempt, operationId: call.operationId, url: call.callbackUrl }
}
