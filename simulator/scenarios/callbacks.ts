import { acknowledges, callback, result, type Payload } from '../behaviour.ts'
import { delivered, failed } from '../scenario-end.ts'
import type { Scenario } from '../scenario.ts'

const refusal: Payload = {
  kind: 'error',
  error: { Code: 'E401', Type: 'DO_NOT_RETRY', Description: 'El producto no existe.' }
}
const otherResult: Payload = { kind: 'transactions', count: 4, variant: 'other' }
const brokenJson: Payload = { kind: 'text', text: '{"OperationId":"","Status":"OK","Data":{"Trans' }
const noEnvelope: Payload = { kind: 'text', text: '{"Status":"PERHAPS","Data":[1,2,3]}' }

/** Callbacks that come twice, differ, or break the contract. */
export const callbackScenarios: readonly Scenario[] = [
  {
    name: 'duplicate',
    prefix: '1701',
    does: 'sends the same bytes twice, one after the other',
    ends: delivered(),
    attempts: [acknowledges(callback(result), callback(result))]
  },
  {
    name: 'duplicate-at-once',
    prefix: '1702',
    does: 'sends the same bytes twice at the same moment',
    ends: delivered(),
    attempts: [acknowledges(callback(result, { copies: 2 }))]
  },
  {
    name: 'conflicting',
    prefix: '1703',
    does: 'sends a second, different result after the first',
    ends: delivered(),
    attempts: [acknowledges(callback(result), callback(otherResult))]
  },
  {
    name: 'ok-after-failure',
    prefix: '1704',
    does: 'calls back DO_NOT_RETRY (E401), and then a good result after all',
    ends: failed('do-not-retry'),
    attempts: [acknowledges(callback(refusal), callback(result, { wait: 'slow' }))]
  },
  {
    name: 'bad-json-callback',
    prefix: '1705',
    does: 'calls back broken JSON first, then a good result',
    ends: delivered(),
    attempts: [acknowledges(callback(brokenJson), callback(result))]
  },
  {
    name: 'schema-breaking',
    prefix: '1706',
    does: 'calls back JSON that is no envelope first, then a good result',
    ends: delivered(),
    attempts: [acknowledges(callback(noEnvelope), callback(result))]
  },
  {
    name: 'strange-content-type',
    prefix: '1707',
    does: 'calls back with the content type text/plain',
    ends: delivered(),
    attempts: [acknowledges(callback(result, { contentType: 'text/plain' }))]
  },
  {
    name: 'no-content-type',
    prefix: '1708',
    does: 'calls back without a content type',
    ends: delivered(),
    attempts: [acknowledges(callback(result, { contentType: null }))]
  }
]
