import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answerCall } from './answer-call.ts'
import { result, type Answer, type Behaviour } from './behaviour.ts'
import type { CallbackSender, PlannedCallback } from './callback-sender.ts'
import type { Call, History } from './history.ts'
import { checkCall, type CheckedCall } from './check-call.ts'
import { behaviourOf } from './scenario.ts'
import { scenarioOf } from './scenarios.ts'
import type { Settings } from './settings.ts'

/** The settings, the record of calls and callbacks, and what sends the callbacks. */
export interface HandleCallDeps {
  readonly settings: Settings
  readonly history: History
  readonly sender: CallbackSender
}

/** Handles a call to Khipu's API: checks it, answers it, and sends its callbacks. */
export async function handleCall(
  deps: HandleCallDeps,
  request: FastifyRequest,
  reply: FastifyReply
) {
  const path = request.url.split('?', 1)[0] ?? ''
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const checked = checkCall(path, request.headers, body)
  if (checked.refusal !== null) {
    const call = recordCall(deps, path, checked, null)
    return answerCall(call, { kind: 'refusal', ...checked.refusal }, deps.settings, reply)
  }
  return playScenario(deps, path, checked, reply)
}

async function playScenario(
  deps: HandleCallDeps,
  path: string,
  checked: CheckedCall,
  reply: FastifyReply
) {
  const { settings, history, sender } = deps
  const account = checked.account ?? ''
  const scenario = scenarioOf(account)
  const attempt = history.countAttempt(account)
  const behaviour = behaviourOf(scenario, attempt)
  const attempted = { account, attempt, scenario: scenario.name, operationId: randomUUID() }
  const call = recordCall(deps, path, checked, attempted)
  if (checked.callbackUrl === null) {
    return answerCall(call, synchronousAnswer(behaviour), settings, reply)
  }
  const planned = plannedCallbacks(behaviour, { ...attempted, url: checked.callbackUrl }, history)
  await sender.sendAll(planned.filter(({ callback }) => callback.beforeAnswer === true))
  await answerCall(call, behaviour.answer, settings, reply)
  void sender.sendAll(planned.filter(({ callback }) => callback.beforeAnswer !== true))
}

type Attempt = Omit<PlannedCallback, 'callback' | 'url'>

function recordCall(
  deps: HandleCallDeps,
  path: string,
  checked: CheckedCall,
  attempt: Attempt | null
): Call {
  const call: Call = {
    at: new Date().toISOString(),
    path,
    account: checked.account,
    attempt: attempt?.attempt ?? 0,
    scenario: attempt?.scenario ?? null,
    auth: checked.auth,
    credential: checked.credential,
    requestData: checked.requestData,
    callbackUrl: checked.callbackUrl,
    operationId: attempt?.operationId ?? null,
    answer: null
  }
  deps.history.addCall(call)
  return call
}

/** Without a CallbackUrl, what would have been called back is the answer. */
function synchronousAnswer({ answer, callbacks }: Behaviour): Answer {
  if (answer.kind !== 'acknowledgement') return answer
  return { kind: 'envelope', status: 200, body: callbacks[0]?.body ?? result }
}

function plannedCallbacks(
  { callbacks }: Behaviour,
  own: Omit<PlannedCallback, 'callback'>,
  history: History
) {
  return callbacks.map((callback): PlannedCallback => {
    const older = callback.ofPreviousAttempt ? attemptBefore(own, history) : {}
    return { ...own, ...older, callback }
  })
}

function attemptBefore(
  { account, attempt }: Attempt,
  { calls }: History
): Partial<PlannedCallback> {
  const call = calls.findLast((one) => one.account === account && one.attempt === attempt - 1)
  if (!call?.operationId || !call.callbackUrl) return {}
  return { attempt: call.attempt, operationId: call.operationId, url: call.callbackUrl }
}
