import { acknowledges, callback, ok, type Payload } from '../behaviour.ts'
import { delivered } from '../scenario-end.ts'
import type { Scenario } from '../scenario.ts'

/** The ordinary course of things, and what an unknown account number gets. */
export const okScenario: Scenario = {
  name: 'ok',
  prefix: '1001',
  does: '202, then a callback with three transactions; every unknown account number does the same',
  ends: delivered(),
  attempts: [ok]
}

/** What comes back when nothing goes wrong. */
export const dataScenarios: readonly Scenario[] = [
  okScenario,
  {
    name: 'empty',
    prefix: '1002',
    does: 'calls back OK with an empty Transaction array',
    ends: delivered(1, 'empty'),
    attempts: [callsBack({ kind: 'data', data: { Transaction: [] } })]
  },
  {
    name: 'empty-null',
    prefix: '1003',
    does: 'calls back OK with Data null',
    ends: delivered(1, 'empty'),
    attempts: [callsBack({ kind: 'data', data: null })]
  },
  {
    name: 'incomplete',
    prefix: '1004',
    does: 'calls back OK with transactions, and AdditionalInformation says that Data is incomplete',
    ends: delivered(1, 'incomplete'),
    attempts: [
      callsBack({
        kind: 'transactions',
        count: 3,
        additionalInformation:
          'El campo Data está incompleto: el banco no entregó todas las páginas.'
      })
    ]
  },
  {
    name: 'large',
    prefix: '1005',
    does: 'calls back OK with 5,000 transactions, about 4 MB',
    ends: delivered(),
    // On a busy machine so much takes its time: the deadline is not what this is about.
    attempts: [
      {
        ...callsBack({ kind: 'transactions', count: 5000 }),
        answer: { kind: 'acknowledgement', lifeSpan: 'PT1M' }
      }
    ]
  }
]

function callsBack(body: Payload) {
  return acknowledges(callback(body))
}
