import t from 'tap'
import { check, schemas } from '../../../src/schemas/validate.ts'

const OPERATION_ID = '6baf6c19-e485-463b-ae24-a821b025c8a4'
const ok = (rest: object) => ({ OperationId: OPERATION_ID, Status: 'OK', ...rest })
const error = (rest: object) => ({ OperationId: OPERATION_ID, Status: 'ERROR', ...rest })
const transaction = (it: unknown) => ok({ Data: { Transaction: [it] } })

const NESTED = [
  'Amount',
  'Balance',
  'BankTransactionCode',
  'CardInstrument',
  'ChargeAmount',
  'CreditorAccount',
  'CreditorAgent',
  'CurrencyExchange',
  'DebtorAccount',
  'DebtorAgent',
  'MerchantDetails',
  'ProprietaryBankTransactionCode',
  'SupplementaryData'
]

const accepted: [string, unknown][] = [
  ['OK with transactions', transaction({ AccountId: '873458', Amount: {} })],
  ['OK with no transactions', ok({ Data: { Transaction: [] } })],
  ['OK whose Transaction is null', ok({ Data: { Transaction: null } })],
  ['OK whose Data is empty', ok({ Data: {} })],
  ['OK whose Data is null', ok({ Data: null })],
  ['OK whose Data is an empty array', ok({ Data: [] })],
  ['OK with the Data of another product', ok({ Data: { Balance: [{ AccountId: '1' }] } })],
  ['OK with an Error beside it', ok({ Data: {}, Error: { Code: 'E999' } })],
  ['OK with AdditionalInformation', ok({ Data: {}, AdditionalInformation: 'incomplete' })],
  ['OK with a LifeSpan', ok({ Data: {}, LifeSpan: '2 hours' })],
  ['OK with an unknown key', ok({ Data: {}, Links: { Self: '…' } })],
  ['ERROR with a documented Type', error({ Data: null, Error: { Type: 'DO_NOT_RETRY' } })],
  ['ERROR with an unknown Type', error({ Error: { Type: 'RETRY_TOMORROW' } })],
  ['ERROR whose Type is null', error({ Error: { Code: 'E201', Type: null } })],
  ['ERROR without a Type', error({ Error: { Code: 'A000', Description: 'expired' } })],
  ['ERROR whose Error is empty', error({ Error: {} })],
  ['ERROR whose Error is null', error({ Error: null })],
  ['ERROR and nothing else', error({})],
  ['an OperationId that is no UUID', { OperationId: '1', Status: 'ERROR' }],
  ['a transaction without fields', transaction({})],
  ['a transaction with unknown fields', transaction({ Notes: [1, { a: null }] })],
  ['a date-time that is not RFC 3339', transaction({ ValueDateTime: '21-07-2017 17:32' })],
  ['an unknown Status of a transaction', transaction({ Status: 'InProgress' })],
  ['a very long text', transaction({ TransactionInformation: 'x'.repeat(100_000) })],
  ['a number as Amount', transaction({ Amount: { Amount: 15000, Currency: 'CLP' } })],
  ['a text as ExchangeRate', transaction({ CurrencyExchange: { ExchangeRate: '911.5' } })],
  ['StatementReference null', transaction({ StatementReference: null })],
  ['SupplementaryData with anything', transaction({ SupplementaryData: [{ a: 1 }, 'b'] })],
  ...Object.keys(schemas.get('khipu-transaction')?.['properties']).map(
    (field): [string, unknown] => [`${field} null`, transaction({ [field]: null })]
  ),
  ...NESTED.flatMap((field): [string, unknown][] => [
    [`${field} {}`, transaction({ [field]: {} })],
    [`${field} with an unknown key`, transaction({ [field]: { Other: [null] } })]
  ])
]

const ANY_KIND: readonly unknown[] = ['text', '', 0, Infinity, false, null, [], [1], {}, { a: 1 }]

for (const value of ANY_KIND) {
  t.test(`accepts ${JSON.stringify(value)} wherever no kind is enforced`, async (t) => {
    for (const body of [
      ok({ Data: {}, AdditionalInformation: value }),
      ok({ Data: {}, LifeSpan: value }),
      ok({ Data: { Other: value } }),
      ok({ Data: {}, Unknown: value }),
      error({ Error: { Code: value, Type: value, Description: value, Other: value } })
    ]) {
      t.same(check('khipu-envelope', body), { valid: true, value: body })
    }
  })
}

const refused: [string, unknown, path: string, rule: string][] = [
  ['null', null, '', 'type'],
  ['an array', [], '', 'type'],
  ['a string', 'Authorization failed', '', 'type'],
  ['an empty object', {}, '', 'required'],
  ['no OperationId', { Status: 'OK', Data: null }, '', 'required'],
  ['an empty OperationId', { OperationId: '', Status: 'ERROR' }, '/OperationId', 'minLength'],
  [
    'a long OperationId',
    { OperationId: 'x'.repeat(37), Status: 'ERROR' },
    '/OperationId',
    'maxLength'
  ],
  ['a number as OperationId', { OperationId: 1, Status: 'ERROR' }, '/OperationId', 'type'],
  ['no Status', { OperationId: OPERATION_ID, Data: null }, '', 'required'],
  ['a Status in lower case', ok({ Status: 'ok', Data: null }), '/Status', 'enum'],
  ['OK without Data', ok({}), '', 'required'],
  ['Data as text', ok({ Data: 'none' }), '/Data', 'type'],
  ['Data as an array with something in it', ok({ Data: [{}] }), '/Data', 'maxItems'],
  ['Transaction as an object', ok({ Data: { Transaction: {} } }), '/Data/Transaction', 'type'],
  ['a transaction that is null', transaction(null), '/Data/Transaction/0', 'type'],
  ['a transaction that is text', transaction('x'), '/Data/Transaction/0', 'type'],
  ['a transaction that is a list', transaction([]), '/Data/Transaction/0', 'type'],
  ['Transaction as text', ok({ Data: { Transaction: '[]' } }), '/Data/Transaction', 'type'],
  ['Data as a number', error({ Data: 0 }), '/Data', 'type'],
  ['Error as text', error({ Error: 'E201' }), '/Error', 'type'],
  ['Error as a list', error({ Error: [] }), '/Error', 'type'],
  ['Error as false', error({ Error: false }), '/Error', 'type'],
  ['null as Status', ok({ Status: null, Data: null }), '/Status', 'type'],
  ['null as OperationId', error({ OperationId: null }), '/OperationId', 'type']
]

for (const [what, value] of accepted) {
  t.test(`accepts ${what}`, async (t) => {
    t.same(check('khipu-envelope', value), { valid: true, value })
  })
}

for (const [what, value, path, rule] of refused) {
  t.test(`refuses ${what}`, async (t) => {
    const { faults } = { faults: [], ...check('khipu-envelope', value) }
    t.same(faults, [{ path, rule, message: faults[0]?.message }])
  })
}
