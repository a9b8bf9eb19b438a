import t from 'tap'
import { isEmptyData, isReadable, readEnvelope, type Readable } from '../../../src/core/envelope.ts'
import { readLifeSpan } from '../../../src/core/life-span.ts'
import type { Completeness } from '../../../src/schemas/generated.ts'
import { DAY, HOUR, MINUTE, SECOND, START } from '../../helpers/given.ts'

const OPERATION = '6baf6c19-e485-463b-ae24-a821b025c8a4'
const some = { Transaction: [{ TransactionId: '1' }] }

const data: [what: string, data: Readable['Data'], isEmpty: boolean][] = [
  ['null', null, true],
  ['nothing', undefined, true],
  ['{}', {}, true],
  ['[]', [], true],
  ['an empty list', { Transaction: [] }, true],
  ['null for a list', { Transaction: null }, true],
  ['only empty lists', { Transaction: [], Balance: [], Other: null }, true],
  ['a transaction', some, false],
  ['an empty transaction', { Transaction: [{}] }, false],
  ['one full list among empty ones', { Transaction: [], Balance: [{ Amount: '1' }] }, false],
  ['a number', { Balance: 0 }, false],
  ['false', { Done: false }, false],
  ['an empty text', { Text: '' }, false],
  ['an empty object', { Balance: {} }, false],
  ['a key named like a method', { constructor: [1] } as Readable['Data'], false]
]
for (const [what, value, isEmpty] of data) {
  t.test(`Data of ${what} is ${isEmpty ? 'empty' : 'not empty'}`, async (t) => {
    t.equal(isEmptyData(value), isEmpty)
    const outcome = readEnvelope({ Status: 'OK', ...(value === undefined ? {} : { Data: value }) })
    t.match(outcome, { completeness: isEmpty ? 'empty' : 'complete' })
  })
}

const completenesses: [what: string, rest: Partial<Readable>, Completeness][] = [
  ['Data and no AdditionalInformation', {}, 'complete'],
  ['AdditionalInformation null', { AdditionalInformation: null }, 'complete'],
  ['AdditionalInformation empty', { AdditionalInformation: '' }, 'complete'],
  ['AdditionalInformation blank', { AdditionalInformation: ' \n' }, 'complete'],
  ['AdditionalInformation {}', { AdditionalInformation: {} }, 'complete'],
  ['AdditionalInformation []', { AdditionalInformation: [] }, 'complete'],
  ['a number as AdditionalInformation', { AdditionalInformation: 0 }, 'incomplete'],
  ['false as AdditionalInformation', { AdditionalInformation: false }, 'incomplete'],
  ['a list as AdditionalInformation', { AdditionalInformation: ['x'] }, 'incomplete'],
  ['an object as AdditionalInformation', { AdditionalInformation: { Text: 1 } }, 'incomplete'],
  ['any AdditionalInformation', { AdditionalInformation: 'Data incompleta' }, 'incomplete'],
  ['AdditionalInformation of one sign', { AdditionalInformation: '.' }, 'incomplete'],
  ['it and empty Data', { AdditionalInformation: 'x', Data: { Transaction: [] } }, 'incomplete'],
  ['it and no Data', { AdditionalInformation: 'x', Data: null }, 'incomplete'],
  ['no Data', { Data: null }, 'empty'],
  ['an Error beside Data', { Error: { Type: 'DO_NOT_RETRY', Code: 'E201' } }, 'complete']
]
for (const [what, rest, completeness] of completenesses) {
  t.test(`an OK with ${what} is a result, ${completeness}`, async (t) => {
    const outcome = readEnvelope(envelope(rest))
    t.strictSame(outcome, { type: 'result', completeness, operationId: OPERATION })
  })
}

t.test('what can be read is a JSON object with the Status OK or ERROR', async (t) => {
  for (const value of [
    { Status: 'OK' },
    { Status: 'ERROR', Data: 7, Error: 'x', OperationId: 1 }
  ]) {
    t.equal(isReadable(value), true)
    t.ok(readEnvelope(value as Readable))
  }
  const status = ['OK']
  for (const value of [
    null,
    'OK',
    7,
    [],
    ['OK'],
    {},
    { Status: 'ok' },
    { Status: status },
    { Status: null }
  ]) {
    t.equal(isReadable(value), false, JSON.stringify(value))
  }
})

const forced: [what: string, rest: object, Completeness][] = [
  ['text as Data', { Data: 'none' }, 'complete'],
  ['a number as Data', { Data: 7 }, 'empty'],
  ['a list as Data', { Data: [{}] }, 'complete'],
  ['an object as Transaction', { Data: { Transaction: {} } }, 'complete'],
  ['text as Error', { Error: 'E201' }, 'complete'],
  ['a number as OperationId', { OperationId: 7 }, 'complete']
]
for (const [what, rest, completeness] of forced) {
  t.test(`${what}, as an operator may have forced it, is read all the same`, async (t) => {
    t.match(readEnvelope({ ...envelope({}), ...rest } as Readable), {
      type: 'result',
      completeness
    })
  })
}
const errorOf = (Type: unknown, Code: unknown): Partial<Readable> =>
  ({ Error: { Type, Code } }) as unknown as Partial<Readable>
const long = 'x'.repeat(101)

const errors: [what: string, rest: Partial<Readable>, type: string | null, code: string | null][] =
  [
    ['with Type and Code', { Error: { Type: 'DO_NOT_RETRY', Code: 'E1' } }, 'DO_NOT_RETRY', 'E1'],
    ['with an unknown Type', { Error: { Type: 'x', Description: 'y' } }, 'x', null],
    ['without Type', { Error: { Code: 'E201' } }, null, 'E201'],
    ['with nulls', { Error: { Type: null, Code: null } }, null, null],
    ['with an empty Error', { Error: {} }, null, null],
    ['with Error null', { Error: null }, null, null],
    ['of the old envelope, without Error', {}, null, null],
    ['with Data all the same', { Data: some, Error: { Type: 'A', Code: 'B' } }, 'A', 'B'],
    ['with a number as Code', errorOf(null, 101), null, '101'],
    ['with a Code that is no word', errorOf(null, { a: 1 }), null, null],
    ['with a Code in spaces', errorOf(null, ' E101 '), null, ' E101 '],
    ['with a Code in very many spaces', errorOf(null, ' '.repeat(101) + 'E101'), null, 'E101'],
    ['with an endless Code', errorOf(null, long), null, null],
    ['with a Type that is no word: an unknown one', errorOf(5, 'E201'), '', 'E201'],
    ['with a list as Type: an unknown one', errorOf([], 'E201'), '', 'E201'],
    ['with an endless Type: an unknown one', errorOf(long, 'E201'), '', 'E201'],
    ['with AdditionalInformation', { AdditionalInformation: 'x', Error: {} }, null, null]
  ]
for (const [what, rest, errorType, code] of errors) {
  t.test(`an ERROR ${what} is an error`, async (t) => {
    const outcome = readEnvelope({ Status: 'ERROR', OperationId: OPERATION, ...rest })
    t.strictSame(outcome, { type: 'error', errorType, code, operationId: OPERATION })
  })
}

for (const Status of ['OK', 'ERROR'] as const) {
  t.test(`an ${Status} that is nothing but its Status can be read`, async (t) => {
    t.equal(readEnvelope({ Status }).operationId, null)
  })
}

// An immediate answer is read by its Status alone: nobody has checked what else is in it.
const unchecked: [what: string, rest: object][] = [
  ['OperationId', { OperationId: 7 }],
  ['Code', { Error: { Type: 'DO_NOT_RETRY', Code: { deep: 'payload' } } }],
  ['Type', { Error: { Type: ['DO_NOT_RETRY'] } }]
]
for (const [what, rest] of unchecked) {
  t.test(`an ERROR whose ${what} is no text is read as one without`, async (t) => {
    const envelope = { Status: 'ERROR', ...rest } as unknown as Readable
    const { type: _, ...words } = readEnvelope(envelope)
    for (const [name, word] of Object.entries(words)) {
      t.ok(word === null || typeof word === 'string', name)
    }
  })
}

const lifeSpans: [text: string | null, ms: number | null][] = [
  ['PT30M', 30 * MINUTE],
  ['PT1H', HOUR],
  ['PT90S', 90 * SECOND],
  ['PT1.5S', 1500],
  ['PT1H30M', 90 * MINUTE],
  ['PT1H2M3S', HOUR + 2 * MINUTE + 3 * SECOND],
  ['P1D', DAY],
  ['P1DT2H', DAY + 2 * HOUR],
  ['P2DT3H4M5S', 2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND],
  ['30m', 30 * MINUTE],
  ['30 m', 30 * MINUTE],
  ['500ms', 500],
  ['45s', 45 * SECOND],
  ['4h', 4 * HOUR],
  ['2d', 2 * DAY],
  [' 30m\n', 30 * MINUTE],
  ['2026-11-22T09:10:00Z', 10 * MINUTE],
  ['2026-11-22T09:10:00.250Z', 10 * MINUTE + 250],
  ['2026-11-22T06:10:00-03:00', 10 * MINUTE],
  ['2026-11-22T05:10:00-0400', 10 * MINUTE],
  ['2026-11-22T09:00:00.001Z', 1],
  ['2026-11-22T09:00:00Z', null],
  ['2026-11-22T08:59:59Z', null],
  ['2026-13-22T09:10:00Z', null],
  ['2026-11-22T09:10:00', null],
  ['2026-11-22', null],
  ['22/11/2026 09:10', null],
  [null, null],
  ['', null],
  ['  ', null],
  ['30', null],
  ['1800', null],
  ['-30m', null],
  ['0m', null],
  ['PT0S', null],
  ['P', null],
  ['PT', null],
  ['P1', null],
  ['P1DT', null],
  ['PT30', null],
  ['P1M', null],
  ['P1Y', null],
  ['P1W', null],
  ['T30M', null],
  ['PT30M ago', null],
  ['xPT30M', null],
  ['30M', null],
  ['30 minutes', null],
  ['1.5h', null],
  ['30m 5s', null],
  ['a day', null],
  ['constructor', null],
  ['NaN', null]
]
for (const [text, ms] of lifeSpans) {
  const read = ms === null ? 'is not guessed at' : `is ${ms} ms`
  t.test(`LifeSpan ${JSON.stringify(text)} ${read}`, async (t) => {
    t.equal(readLifeSpan(text, START), ms)
  })
}

function envelope(rest: Partial<Readable>): Readable {
  return { Status: 'OK', OperationId: OPERATION, Data: some, Error: null, ...rest }
}
