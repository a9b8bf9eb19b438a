import t from 'tap'
import { type Cause, causeOfError, causeOfHttpStatus } from '../../../src/core/error-cause.ts'
import { error } from '../../helpers/given.ts'

type Row = [errorType: string | null, code: string | null, httpStatus: number | null, cause: Cause]

const KNOWN: readonly (readonly [errorType: string, cause: Cause])[] = [
  ['RETRY_IMMEDIATELY', 'retry-immediately'],
  ['DO_NOT_RETRY', 'do-not-retry'],
  ['WAIT_4_HOURS_BEFORE_RETRY', 'wait-4-hours'],
  ['RETRY_AFTER_NOTIFICATION', 'retry-after-notification']
]

function table(rows: readonly Row[]) {
  for (const [errorType, code, httpStatus, cause] of rows) {
    const said = JSON.stringify({ errorType, code, httpStatus })
    t.test(`${said} is ${cause}`, async (t) => {
      t.equal(causeOfError(error(errorType, { code }), httpStatus), cause)
    })
  }
}

// Error.Type decides, whatever else is said.
for (const [errorType, cause] of KNOWN) {
  const statuses = [null, 200, 400, 401, 403, 404, 408, 422, 429, 500, 504]
  table(statuses.map((httpStatus): Row => [errorType, 'E201', httpStatus, cause]))
  const codes = [null, '', 'A000', 'E000', 'E200', 'E999', 'D000', 'F000', 'T000', 'I001', 'P003']
  table(codes.map((code): Row => [errorType, code, null, cause]))
}

// A refused log-on, in every spelling: the one place where Code bounds what Type says.
table(
  [
    'E100',
    'E101',
    'E150',
    'E199',
    'e101',
    ' E101 ',
    'E101 ',
    '\tE100\n',
    '\u00a0e199',
    '101',
    ' 199'
  ].flatMap((code): Row[] => [
    ['RETRY_IMMEDIATELY', code, null, 'refused-logon'],
    ['RETRY_IMMEDIATELY', code, 500, 'refused-logon'],
    ['DO_NOT_RETRY', code, null, 'do-not-retry'],
    ['WAIT_4_HOURS_BEFORE_RETRY', code, null, 'wait-4-hours'],
    ['RETRY_AFTER_NOTIFICATION', code, null, 'retry-after-notification'],
    ['RETRY_TOMORROW', code, 500, 'unknown-type'],
    ['', code, null, 'unknown-type'],
    ...[null, 200, 302, 400, 401, 403, 404, 429, 500, 503].map((httpStatus): Row => [
      null,
      code,
      httpStatus,
      'credentials'
    ])
  ])
)
table(
  [
    'E10',
    'E1',
    'E1000',
    'XE100',
    'E 100',
    'E1AA',
    'E099',
    'E200',
    'A100',
    'E1٠٠',
    '1e2',
    '99',
    '200'
  ].map((code): Row => ['RETRY_IMMEDIATELY', code, null, 'retry-immediately'])
)

// What is not one of the four words, to the letter, is never guessed at.
table(
  [
    null,
    '',
    ' ',
    'constructor',
    'prototype',
    '__proto__',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'get',
    'size',
    'null',
    'undefined',
    '0',
    'retry_immediately',
    'Retry_Immediately',
    'RETRY IMMEDIATELY',
    'RETRY-IMMEDIATELY',
    ' RETRY_IMMEDIATELY',
    'RETRY_IMMEDIATELY ',
    'RETRY_IMMEDIATELY\n',
    'RETRY_IMMEDIATELY\0',
    'RETRY_IMMEDIATELY,DO_NOT_RETRY',
    'RETRY',
    'DO_NOT',
    'DONT_RETRY',
    'WAIT_4_HOURS',
    'WAIT_8_HOURS_BEFORE_RETRY',
    'WAIT_4_HOURS_BEFORE_RETRY.',
    'RETRY_AFTER_NOTIFICATIONS',
    'retry-immediately',
    'temporary',
    'no-callback',
    'X'.repeat(100_000)
  ].flatMap((errorType): Row[] => [
    [errorType, 'E201', null, 'unknown-type'],
    [errorType, null, 200, 'unknown-type']
  ])
)

// Without a Type: the code of a bad token, then the HTTP status of an immediate answer, then nothing.
table([
  [null, 'A000', null, 'unauthorized'],
  [null, 'A000', 200, 'unauthorized'],
  [null, 'A000', 400, 'unauthorized'],
  [null, 'A000', 500, 'unauthorized'],
  [null, 'A001', null, 'unknown-type'],
  [null, 'A0000', null, 'unknown-type'],
  [null, 'a000', null, 'unauthorized'],
  [null, ' A000 ', 500, 'unauthorized'],
  [null, 'E201', 202, 'unknown-type'],
  [null, 'E201', 299, 'unknown-type'],
  [null, 'E201', 300, 'unreadable-answer'],
  [null, 'E201', 302, 'unreadable-answer'],
  [null, 'E201', 399, 'unreadable-answer'],
  [null, 'E201', 400, 'rejected'],
  [null, 'E201', 401, 'unauthorized'],
  [null, 'E201', 403, 'unauthorized'],
  [null, 'E201', 404, 'rejected'],
  [null, 'E201', 429, 'temporary'],
  [null, 'E201', 500, 'temporary'],
  [null, 'E201', 504, 'temporary'],
  [null, null, 503, 'temporary']
])

const documented: readonly (readonly [httpStatus: number, cause: Cause | undefined])[] = [
  [100, undefined],
  [200, undefined],
  [202, undefined],
  [204, undefined],
  [301, undefined],
  [399, undefined],
  [400, 'rejected'],
  [401, 'unauthorized'],
  [403, 'unauthorized'],
  [404, 'rejected'],
  [405, 'rejected'],
  [408, 'temporary'],
  [413, 'rejected'],
  [415, 'rejected'],
  [422, 'rejected'],
  [425, 'temporary'],
  [429, 'temporary'],
  [500, 'temporary'],
  [502, 'temporary'],
  [503, 'temporary'],
  [504, 'temporary'],
  [599, 'temporary']
]
for (const [httpStatus, cause] of documented) {
  t.test(`HTTP ${httpStatus} is ${cause ?? 'no failure'}`, async (t) => {
    t.equal(causeOfHttpStatus(httpStatus), cause)
  })
}

const others = Array.from({ length: 200 }, (_, index) => 400 + index).filter((status) =>
  documented.every(([known]) => known !== status)
)
for (const httpStatus of others) {
  const cause = httpStatus < 500 ? 'rejected' : 'temporary'
  t.test(`HTTP ${httpStatus}, which the policy table does not name, is ${cause}`, async (t) => {
    t.equal(causeOfHttpStatus(httpStatus), cause)
  })
}
