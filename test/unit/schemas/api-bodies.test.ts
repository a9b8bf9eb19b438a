import t from 'tap'
import { check, type SchemaName } from '../../../src/schemas/validate.ts'

type Row = [what: string, value: unknown]
type Refused = [what: string, value: unknown, path: string, rule: string]

const RequestData = { AccountNumber: '000011887755' }
const body = (rest: object) => ({ RequestData, ...rest })
const asking = (service: string) => ({ service, RequestData: {} })
const row = { delays: ['1s'], jitter: 0, maxRetries: 1 }
const retry = (rest: object) => ({ retry: { 'no-callback': { ...row, ...rest } } })

function table(name: SchemaName, accepted: readonly Row[], refused: readonly Refused[]) {
  for (const [what, value] of accepted) {
    t.test(`${name}.json accepts ${what}`, async (t) => {
      t.same(check(name, value), { valid: true, value })
    })
  }
  for (const [what, value, path, rule] of refused) {
    t.test(`${name}.json refuses ${what}`, async (t) => {
      const { faults } = { faults: [], ...check(name, value, { unknownKeys: 'named' }) }
      t.same(faults, [{ path, rule, message: faults[0]?.message }])
    })
  }
}

table(
  'accept-body',
  [
    ['nothing', {}],
    ['force', { force: true }],
    ['no force', { force: false }]
  ],
  [
    ['null', null, '', 'type'],
    ['a list', [], '', 'type'],
    ['text as force', { force: 'true' }, '/force', 'type'],
    ['null as force', { force: null }, '/force', 'type'],
    ['a key that is none', { Force: true }, '/Force', 'additionalProperties']
  ]
)

table(
  'request-body',
  [
    ['an account number alone', body({})],
    ['further keys in RequestData', { RequestData: { ...RequestData, Anything: [1] } }],
    [
      'an AccountCredential',
      { RequestData: { ...RequestData, AccountCredential: { Username: 'u' } } }
    ],
    ['a jwt', body({ authorization: { jwt: 'a.b.c' } })],
    ['an apiKey', body({ authorization: { apiKey: 'k' } })],
    ['a reference', body({ reference: 'r'.repeat(200) })],
    ['reference null', body({ reference: null })],
    ['no account number for accounts', asking('cl/banking/business/bci.cl/accounts')],
    [
      'no account number for latest/transactions',
      asking('cl/banking/personal/itau.cl/latest/transactions')
    ],
    ['a bank with many labels', asking('cl/banking/personal/demo-bank.khipu.com/accounts')]
  ],
  [
    ['null', null, '', 'type'],
    ['no RequestData', {}, '', 'required'],
    ['RequestData as an array', { RequestData: [] }, '/RequestData', 'type'],
    ['no account number by default', { RequestData: {} }, '/RequestData', 'required'],
    [
      'no account number for transactions',
      asking('cl/banking/personal/bice.cl/transactions'),
      '/RequestData',
      'required'
    ],
    [
      'an empty account number',
      { RequestData: { AccountNumber: '' } },
      '/RequestData/AccountNumber',
      'minLength'
    ],
    [
      'a long account number',
      { RequestData: { AccountNumber: '1'.repeat(21) } },
      '/RequestData/AccountNumber',
      'maxLength'
    ],
    [
      'a number as account number',
      { RequestData: { AccountNumber: 7755 } },
      '/RequestData/AccountNumber',
      'type'
    ],
    [
      'AccountCredential as text',
      { RequestData: { ...RequestData, AccountCredential: 'u' } },
      '/RequestData/AccountCredential',
      'type'
    ],
    [
      'a service with a leading slash',
      body({ service: '/cl/banking/personal/bice.cl/accounts' }),
      '/service',
      'pattern'
    ],
    [
      'a service that climbs',
      body({ service: 'cl/banking/personal/../accounts' }),
      '/service',
      'pattern'
    ],
    [
      'a service with a query',
      body({ service: 'cl/banking/personal/bice.cl/accounts?a' }),
      '/service',
      'pattern'
    ],
    [
      'a service with a line break',
      body({ service: 'cl/banking/personal/bice.cl/accounts\n' }),
      '/service',
      'pattern'
    ],
    [
      'an unknown kind of user',
      body({ service: 'cl/banking/private/bice.cl/accounts' }),
      '/service',
      'pattern'
    ],
    [
      'a very long service',
      body({ service: `cl/banking/personal/bice.cl/${'a'.repeat(200)}` }),
      '/service',
      'maxLength'
    ],
    [
      'no credential in authorization',
      body({ authorization: {} }),
      '/authorization',
      'minProperties'
    ],
    [
      'two credentials',
      body({ authorization: { jwt: 'a', apiKey: 'b' } }),
      '/authorization',
      'maxProperties'
    ],
    [
      'a mistyped credential',
      body({ authorization: { JWT: 'a' } }),
      '/authorization/JWT',
      'additionalProperties'
    ],
    ['an empty jwt', body({ authorization: { jwt: '' } }), '/authorization/jwt', 'pattern'],
    [
      'a jwt with white space',
      body({ authorization: { jwt: 'a b' } }),
      '/authorization/jwt',
      'pattern'
    ],
    [
      'an apiKey with a line break',
      body({ authorization: { apiKey: 'a\n' } }),
      '/authorization/apiKey',
      'pattern'
    ],
    ['an empty reference', body({ reference: '' }), '/reference', 'minLength'],
    ['a long reference', body({ reference: 'r'.repeat(201) }), '/reference', 'maxLength'],
    ['a mistyped key', body({ refrence: 'r' }), '/refrence', 'additionalProperties'],
    [
      'a CallbackUrl',
      body({ CallbackUrl: 'https://a.example' }),
      '/CallbackUrl',
      'additionalProperties'
    ]
  ]
)

const uuid = '01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'

table(
  'notification-body',
  [
    ['nothing', {}],
    ['a thousand ids', { requestIds: Array(1000).fill(uuid) }],
    ['a dry run', { reason: 'unauthorized', dryRun: true }]
  ],
  [
    ['a mistyped dryRun', { dryrun: true }, '/dryrun', 'additionalProperties'],
    ['dryRun as text', { dryRun: 'true' }, '/dryRun', 'type'],
    ['an unknown reason', { reason: 'no-callback' }, '/reason', 'enum'],
    ['an empty code', { code: '' }, '/code', 'minLength'],
    ['no ids in requestIds', { requestIds: [] }, '/requestIds', 'minItems'],
    ['more than a thousand ids', { requestIds: Array(1001).fill(uuid) }, '/requestIds', 'maxItems'],
    ['an id that is no UUID', { requestIds: [uuid, 'x'] }, '/requestIds/1', 'pattern']
  ]
)

table(
  'retry-policy',
  [
    ['nothing', {}],
    ['one row', retry({})],
    ['jitter as a duration', retry({ jitter: '5m' })],
    ['no retries at all', retry({ maxRetries: 0 })],
    ['temporary without retryAfterMax', { retry: { temporary: row } }]
  ],
  [
    [
      'an unknown row',
      { retry: { 'retry-later': row } },
      '/retry/retry-later',
      'additionalProperties'
    ],
    [
      'an unknown key in a row',
      retry({ max: 1 }),
      '/retry/no-callback/max',
      'additionalProperties'
    ],
    [
      'retryAfterMax in another row',
      retry({ retryAfterMax: '1h' }),
      '/retry/no-callback/retryAfterMax',
      'additionalProperties'
    ],
    [
      'half a row',
      { retry: { 'no-callback': { delays: ['1s'] } } },
      '/retry/no-callback',
      'required'
    ],
    ['no delays', retry({ delays: [] }), '/retry/no-callback/delays', 'minItems'],
    ['a delay without a unit', retry({ delays: ['5'] }), '/retry/no-callback/delays/0', 'pattern'],
    ['a delay in weeks', retry({ delays: ['1s', '1w'] }), '/retry/no-callback/delays/1', 'pattern'],
    ['a negative delay', retry({ delays: ['-1s'] }), '/retry/no-callback/delays/0', 'pattern'],
    ['jitter over 1', retry({ jitter: 1.1 }), '/retry/no-callback/jitter', 'maximum'],
    ['half a retry', retry({ maxRetries: 0.5 }), '/retry/no-callback/maxRetries', 'type'],
    [
      'a negative number of retries',
      retry({ maxRetries: -1 }),
      '/retry/no-callback/maxRetries',
      'minimum'
    ],
    ['no releases', { releasesPerSecond: 0 }, '/releasesPerSecond', 'exclusiveMinimum'],
    [
      'an unknown reason to park',
      { park: { other: { failAfter: '1d' } } },
      '/park/other',
      'additionalProperties'
    ]
  ]
)

const result = {
  requestId: uuid,
  reference: null,
  service: 'cl/banking/personal/btgpactual.cl/transactions',
  outcome: 'delivered',
  completeness: 'complete',
  reason: null,
  attempts: 1,
  requestedAt: '2026-11-22T09:00:00.000Z',
  receivedAt: '2026-11-22T09:01:00.000Z',
  operationId: null,
  deviations: [{ path: '/Data/Transaction/0/Amount', rule: 'type' }],
  response: {}
}
const [deviation] = result.deviations

table(
  'result',
  [
    ['any response', { ...result, response: { Status: 7, Data: 'x' } }],
    ['keys added later', { ...result, added: true }],
    ['no deviations', { ...result, deviations: [] }],
    ['20 deviations', { ...result, deviations: Array(20).fill(deviation) }],
    ['a failure', { ...result, outcome: 'failed', completeness: null, reason: 'expired' }]
  ],
  [
    ['a delivery with a reason', { ...result, reason: 'expired' }, '/reason', 'type'],
    ['a delivery without completeness', { ...result, completeness: null }, '/completeness', 'type'],
    [
      'a failure without a reason',
      { ...result, outcome: 'failed', completeness: null },
      '/reason',
      'type'
    ],
    ['a result without deviations', { ...result, deviations: undefined }, '', 'required'],
    ['deviations null', { ...result, deviations: null }, '/deviations', 'type'],
    ['21 of them', { ...result, deviations: Array(21).fill(deviation) }, '/deviations', 'maxItems'],
    ['one without a rule', { ...result, deviations: [{ path: '' }] }, '/deviations/0', 'required'],
    ['a response that is an array', { ...result, response: [] }, '/response', 'type']
  ]
)
