import fc from 'fast-check'
import t from 'tap'
import {
  parseSearch,
  QUALIFIERS,
  type SearchFilters,
  writeSearch
} from '../../../../src/core/search/parse-search.ts'
import { STATES } from '../../../../src/core/request.ts'

const ID = '01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'
const ACCOUNT = 'mIR22roI5qQhMcHhzCHD7g'

t.test('an id alone is an id, in small letters', async (t) => {
  t.same(parseSearch(` ${ID} `), { type: 'id', id: ID })
  t.same(parseSearch(ID.toUpperCase()), { type: 'id', id: ID })
  t.same(parseSearch(`op_${ID}`), { type: 'id', id: `op_${ID}` })
  t.same(parseSearch(`operation:op_${ID}`), {
    type: 'filters',
    filters: { operation: `op_${ID}` }
  })
})

t.test('nothing asks for everything', async (t) => {
  t.same(parseSearch('  '), { type: 'filters', filters: {} })
})

const READ: readonly (readonly [text: string, filters: SearchFilters])[] = [
  ['state:parked', { state: 'parked' }],
  ['state:parked,failed code:E201,other', { state: 'parked,failed', code: 'E201,other' }],
  ['reason:wait-4-hours bank:bci.cl', { reason: 'wait-4-hours', bank: 'bci.cl' }],
  [
    'service:cl/banking/personal/bci.cl/transactions',
    { service: 'cl/banking/personal/bci.cl/transactions' }
  ],
  ['since:24h until:2026-11-22', { since: '24h', until: '2026-11-22' }],
  ['since:2026-11-22T09:00:00.5-03:00', { since: '2026-11-22T09:00:00.5-03:00' }],
  ['older:4h due:30m', { older: '4h', due: '30m' }],
  ['reference:invoice-7', { reference: 'invoice-7' }],
  ['reference:a:b,c', { reference: 'a:b,c' }],
  ['reference:"my own name"', { reference: 'my own name' }],
  ['reference:"not closed', { reference: 'not closed' }],
  ['reference:invoice-*', { reference: 'invoice-*' }],
  [`operation:${ID}`, { operation: ID }],
  [`account:${ACCOUNT}`, { account: ACCOUNT }]
]
for (const [text, filters] of READ) {
  t.test(`${text} is read`, async (t) => {
    t.same(parseSearch(text), { type: 'filters', filters })
  })
}

const MISTAKES: readonly (readonly [text: string, type: string, word: string])[] = [
  ['bnk:x', 'unknown-qualifier', 'bnk'],
  ['State:parked', 'unknown-qualifier', 'State'],
  ['constructor:x', 'unknown-qualifier', 'constructor'],
  ['santander', 'free-text', 'santander'],
  [':parked', 'free-text', ':parked'],
  [`${ID} state:parked`, 'free-text', ID],
  ['000011887755', 'free-text', '000011887755'],
  ['state:parked state:failed', 'repeated', 'state:failed'],
  ['state:', 'unknown-value', 'state:'],
  ['state:parkd', 'unknown-value', 'state:parkd'],
  ['state:parked,', 'unknown-value', 'state:parked,'],
  ['code:e201', 'unknown-value', 'code:e201'],
  ['since:yesterday', 'unknown-value', 'since:yesterday'],
  ['since:24h,48h', 'unknown-value', 'since:24h,48h'],
  ['older:2026-11-22', 'unknown-value', 'older:2026-11-22'],
  ['account:000011887755', 'unknown-value', 'account:000011887755'],
  ['reference:a*b', 'unknown-value', 'reference:a*b'],
  ['operation:7', 'unknown-value', 'operation:7']
]
for (const [text, type, word] of MISTAKES) {
  t.test(`${text} is a mistake, and nothing of it is asked`, async (t) => {
    t.match(parseSearch(text), { type: 'mistake', mistake: { type, word }, filters: {} })
  })
}

t.test('a mistake names what there is', async (t) => {
  t.match(parseSearch('bnk:x'), { mistake: { known: QUALIFIERS } })
  t.match(parseSearch('state:x'), { mistake: { known: STATES } })
})

t.test('what is written is read again', async (t) => {
  const filters = fc.record(
    {
      state: fc.subarray([...STATES], { minLength: 1 }).map((states) => states.join(',')),
      code: fc.constantFrom('E201', 'other', 'E101,E201'),
      since: fc.constantFrom('24h', '2026-11-22'),
      reference: fc.stringMatching(/^[a-z0-9:., -]{0,20}[a-z]$/)
    },
    { requiredKeys: [] }
  )
  fc.assert(
    fc.property(filters, (given) => {
      t.same(parseSearch(writeSearch(given)), { type: 'filters', filters: given })
    })
  )
})

t.test('any text is read or refused, and never throws', async (t) => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      t.match(parseSearch(text).type, /^(?:id|filters|mistake)$/)
    }),
    { numRuns: 200 }
  )
})
