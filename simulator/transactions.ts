import { createHash } from 'node:crypto'

/** A transaction in the shape of Khipu's documented sample. */
export type Transaction = Readonly<Record<string, unknown>>

/** The same transactions every time for one account number, count and variant. */
export function transactionsOf(account: string, count: number, variant = ''): Transaction[] {
  const random = randomFrom(`${account}/${variant}`)
  const days = random(2) === 0 ? winter : summer
  return Array.from({ length: count }, () => transaction(account, days, random))
}

type Random = (below: number) => number

// Chile's offsets, written without a colon as Khipu's sample has them.
const winter = { day: '2026-07-22', valueDay: '2026-07-21', offset: '-0400' }
const summer = { day: '2026-01-15', valueDay: '2026-01-14', offset: '-0300' }

const credits = ['ABONO TRANSFERENCIA', 'DEPÓSITO EN EFECTIVO', 'PAGO DE REMUNERACIONES']
const debits = ['PAGO DE CUENTAS', 'TRANSFERENCIA A TERCEROS', 'COMPRA NACIONAL', 'GIRO CAJERO']
const merchants = [
  { MerchantName: 'FARMACIA DEL CENTRO', MerchantCategoryCode: '5912' },
  { MerchantName: 'SUPERMERCADO LA ESQUINA', MerchantCategoryCode: '5411' }
]
const branches = ['SUCURSAL SANTIAGO CENTRO', 'SUCURSAL PROVIDENCIA', 'SUCURSAL VALPARAÍSO']

function transaction(account: string, days: typeof winter, random: Random): Transaction {
  const isCredit = random(2) === 0
  const information = pick(isCredit ? credits : debits, random)
  const isPurchase = information === 'COMPRA NACIONAL'
  return {
    AccountId: account,
    AddressLine: pick(branches, random),
    BookingDateTime: `${days.day}T00:00:00${days.offset}`,
    CreditDebitIndicator: isCredit ? 'Credit' : 'Debit',
    StatementReference: [],
    Status: random(10) === 0 ? 'Pending' : 'Booked',
    TransactionId: hex(random, 32),
    TransactionInformation: information,
    TransactionMutability: 'Immutable',
    TransactionReference: uuid(hex(random, 32)),
    ValueDateTime: `${days.valueDay}T${timeOfDay(random)}${days.offset}`,
    Amount: pesos(1 + random(2_000_000)),
    Balance: {
      CreditDebitIndicator: 'Credit',
      Type: 'InterimBooked',
      Amount: pesos(random(90_000_000))
    },
    BankTransactionCode: {},
    CardInstrument: {},
    ChargeAmount: {},
    CreditorAccount: {},
    CreditorAgent: {},
    CurrencyExchange: {},
    DebtorAccount: {},
    DebtorAgent: {},
    MerchantDetails: isPurchase ? pick(merchants, random) : {},
    ProprietaryBankTransactionCode: {},
    SupplementaryData: []
  }
}

/** A small generator (mulberry32) whose whole course follows from the text. */
function randomFrom(text: string): Random {
  let state = createHash('sha256').update(text).digest().readUInt32LE(0)
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

function pick<T>(values: readonly T[], random: Random): T {
  const value = values[random(values.length)]
  if (value === undefined) throw new Error('nothing to pick from')
  return value
}

function pesos(amount: number) {
  return { Amount: String(amount), Currency: 'CLP' }
}

function hex(random: Random, length: number): string {
  return Array.from({ length }, () => random(16).toString(16)).join('')
}

function uuid(digits: string): string {
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`]
  return [...parts, `8${digits.slice(17, 20)}`, digits.slice(20)].join('-')
}

function timeOfDay(random: Random): string {
  return [random(24), random(60), random(60)].map((n) => String(n).padStart(2, '0')).join(':')
}
