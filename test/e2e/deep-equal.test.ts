import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { transactionsOf } from '../../simulator/transactions.ts'
import { SAMPLE } from '../helpers/sample-callback.ts'
import { call } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, resultsOf, startWorld } from '../helpers/world.ts'

const world = await startWorld(t)
const service = await world.start()
const { Data, ...envelope } = JSON.parse(SAMPLE) as { Data: { Transaction: object[] } }
const [transaction = {}] = Data.Transaction

// What a validator that coerces, strips or injects, or a store that reads carelessly, would change.
const oddities = {
  AccountId: 'ñandú 🦙 \u0000 \u2028 "\\',
  Amount: { Amount: '0001.50', Currency: 'CLP', Unknown: { '': [null, [], {}, [[]]] } },
  Balance: null,
  StatementReference: ['', ' ', '1', 'true', 'null'],
  constructor: 'text',
  toString: null,
  numbers: [0, 1, 0.1, 1e-7, 1e21, 9007199254740991, -1.5],
  truths: [true, false, 'true', 'false', null],
  'a.b': 1,
  'a b': 2,
  'a\tb': 3
}

const bodies = [
  ['the sample of the documentation', SAMPLE],
  ['5,000 transactions', withTransactions(transactionsOf('1005-0001', 5000))],
  ['unknown keys, odd texts and numbers', withTransactions([{ ...transaction, ...oddities }])],
  ['a key named constructor', withTransactions([]).replace('{', '{"constructor":{"evil":true},')],
  ['no transactions', withTransactions([])],
  ['an envelope without what is not required', '{"OperationId":"1","Status":"OK","Data":null}'],
  ['white space and another order of keys', `\r\n\t ${JSON.stringify(reversed(), null, 3)} \n`],
  ['escapes that need not be', SAMPLE.replaceAll('PAGO', '\\u0050\\u0041GO')]
] as const

t.test('a callback reaches the result queue deep-equal', async (t) => {
  for (const [index, [what, body]] of bodies.entries()) {
    t.test(what, async (t) => {
      const requestId = await ask(service, accountOf('1205', index))
      const answer = await postCallback(accountOf('1205', index), body)
      t.match(answer, { status: 200, body: { status: 'accepted' } })
      const job = (await resultsOf(world, [requestId])).get(requestId)
      const { response, outcome } = job?.data ?? {}
      t.equal(outcome, 'delivered')
      t.ok(isDeepStrictEqual(response, JSON.parse(body)), 'deep-equal, in the same order of keys')
      t.equal(JSON.stringify(response), JSON.stringify(JSON.parse(body)))
    })
  }
})

t.test('an error is delivered deep-equal as well', async (t) => {
  const error = { Code: 'E401', Type: 'DO_NOT_RETRY', Description: 'Ñ', Unknown: { deep: [1] } }
  const body = JSON.stringify({ ...envelope, Status: 'ERROR', Data: null, Error: error })
  const requestId = await ask(service, accountOf('1205', 100))
  await postCallback(accountOf('1205', 100), body)
  const { data } = (await resultsOf(world, [requestId])).get(requestId) ?? {}
  t.match(data, { outcome: 'failed', reason: 'do-not-retry' })
  t.ok(isDeepStrictEqual(data?.response, JSON.parse(body)))
})

async function postCallback(account: string, body: string) {
  const url = await until('Khipu was asked', () => callbackUrlOf(account))
  return call(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
}

function callbackUrlOf(account: string): string | null {
  return world.khipu.calls.find((one) => one.account === account)?.callbackUrl ?? null
}

function withTransactions(transactions: readonly object[]): string {
  return JSON.stringify({ ...envelope, Data: { Transaction: transactions } })
}

function reversed(): object {
  return Object.fromEntries(Object.entries({ ...envelope, Data }).toReversed())
}
