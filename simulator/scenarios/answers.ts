import { answers, callback, ok, result, type Answer, type Payload } from '../behaviour.ts'
import { delivered, failed, parked } from '../scenario-end.ts'
import {
  forbidden,
  gatewayTimeout,
  goError,
  redirect,
  tooManyRequests,
  unauthorized,
  unavailable,
  unprocessable
} from '../raw-answers.ts'
import type { Scenario } from '../scenario.ts'

const invalid = { Code: 'P001', Description: 'Parámetros inválidos en la consulta.' }
const badLogon = { Code: 'E101', Type: 'RETRY_IMMEDIATELY', Description: 'Clave incorrecta.' }
const forGood = { ...invalid, Type: 'DO_NOT_RETRY' }

/** Answers to the POST other than 202. */
export const answerScenarios: readonly Scenario[] = [
  {
    name: 'immediate-result',
    prefix: '1301',
    does: 'HTTP 200 with Status OK and Data; no callback',
    ends: delivered(),
    attempts: [answers(envelope(200, result))]
  },
  {
    name: 'immediate-ok-without-data',
    prefix: '1302',
    does: 'HTTP 200 with Status OK and Data null; the callback follows',
    ends: delivered(),
    attempts: [answers(envelope(200, { kind: 'data', data: null }), callback(result))]
  },
  {
    name: 'immediate-error',
    prefix: '1303',
    does: 'HTTP 200 with Status ERROR and DO_NOT_RETRY (P001), every time',
    ends: failed('do-not-retry'),
    attempts: [answers(envelope(200, { kind: 'error', error: forGood }))]
  },
  {
    name: 'old-envelope',
    prefix: '1304',
    does: 'HTTP 200 with Status ERROR and no Error key, every time',
    ends: parked('unknown-type'),
    afterRelease: parked('unknown-type', 2),
    attempts: [answers(envelope(200, { kind: 'error-without-details' }))]
  },
  {
    name: 'result-in-202',
    prefix: '1305',
    does: 'HTTP 202 with Status OK and Data; no callback',
    ends: delivered(),
    attempts: [answers(envelope(202, result))]
  },
  {
    name: 'result-in-500',
    prefix: '1306',
    does: 'HTTP 500 with Status OK and Data; no callback',
    ends: delivered(),
    attempts: [answers(envelope(500, result))]
  },
  {
    name: 'redirect',
    prefix: '1308',
    does: 'HTTP 308, once, then ok',
    ends: parked('unreadable-answer'),
    afterRelease: delivered(2),
    attempts: [answers(redirect), ok]
  },
  {
    name: '400',
    prefix: '1400',
    does: 'HTTP 400 with an ERROR envelope (P001) without a Type, every time',
    ends: failed('rejected'),
    attempts: [answers(envelope(400, { kind: 'error', error: invalid }))]
  },
  {
    name: '401-text',
    prefix: '1401',
    does: 'HTTP 401 as text/plain with the JSON string "Authorization failed", once, then ok',
    ends: parked('unauthorized'),
    afterRelease: delivered(2),
    attempts: [answers(unauthorized), ok]
  },
  {
    name: '403',
    prefix: '1403',
    does: 'HTTP 403 once, then ok',
    ends: parked('unauthorized'),
    afterRelease: delivered(2),
    attempts: [answers(forbidden), ok]
  },
  {
    name: '422',
    prefix: '1422',
    does: 'HTTP 422, every time',
    ends: failed('rejected'),
    attempts: [answers(unprocessable)]
  },
  {
    name: '429',
    prefix: '1429',
    does: 'HTTP 429 with Retry-After: 1, once, then ok',
    ends: delivered(2),
    attempts: [answers(tooManyRequests), ok]
  },
  {
    name: '500-text',
    prefix: '1500',
    does: 'HTTP 500 with a raw Go error as text/plain, once, then ok',
    ends: delivered(2),
    attempts: [answers(goError), ok]
  },
  {
    name: '503-refused-logon',
    prefix: '1502',
    does: 'HTTP 503 with an ERROR envelope (E101), every time: the bank may lock the account',
    ends: failed('retries-exhausted', 2),
    attempts: [answers(envelope(503, { kind: 'error', error: badLogon }))]
  },
  {
    name: '503-forever',
    prefix: '1503',
    does: 'HTTP 503, every time',
    ends: failed('retries-exhausted', 9),
    attempts: [answers(unavailable)]
  },
  {
    name: '504-html',
    prefix: '1504',
    does: "HTTP 504 with the gateway's HTML page, once, then ok",
    ends: delivered(2),
    attempts: [answers(gatewayTimeout), ok]
  }
]

function envelope(status: number, body: Payload): Answer {
  return { kind: 'envelope', status, body }
}
