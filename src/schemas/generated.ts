// Generated from schemas/*.json by `node schemas/generate-types.ts`. Do not edit.

/**
 * The body of `POST /v1/quarantine/{id}/accept`, which may be absent. Unknown keys are refused, so that a typo lets nothing through.
 */
export interface AcceptBody {
  /**
   * true: let a JSON object with `Status` OK or ERROR through although it breaks khipu-envelope.json. When absent: false.
   */
  force?: boolean
}

/**
 * Every request that was accepted is live or has ended.
 */
export interface Accounting {
  /**
   * Requests accepted since the beginning.
   */
  accepted: number
  /**
   * How many of them have ended.
   */
  ended: number
  /**
   * How many have not.
   */
  live: number
  /**
   * The difference; 0 unless something is wrong.
   */
  unaccounted: number
  /**
   * Results that ended the processes that published them.
   */
  setAside: number
  /**
   * For how long the most overdue request has been due; 0 where none is.
   */
  oldestOverdueSeconds: number
}

/**
 * One page of `GET /v1/audit`, newest first.
 */
export interface AuditList {
  /**
   * The entries of this page. With a filter a page may be empty and have a next one.
   */
  items: AuditView[]
  /**
   * Give it as `cursor` to get the next page; null on the last one.
   */
  nextCursor: string | null
}
/**
 * Somebody changed or saw something.
 */
export interface AuditView {
  /**
   * When, by Redis's clock.
   */
  at: string
  /**
   * The name of the token.
   */
  by: string
  /**
   * What was done, e.g. `request-retried`.
   */
  action: string
  /**
   * The id of the request, kept body or operation; null for several.
   */
  target: string | null
  /**
   * What else is to be known.
   */
  detail: string | null
}

/**
 * The credential that Khipu is asked with: a `jwt` or an `apiKey`. Khipu documents: never both. Sealed as soon as it comes, and shredded when the request ends.
 */
export interface Authorization {
  /**
   * Sent as `Authorization: Bearer …`. Visible ASCII, no white space.
   */
  jwt?: string
  /**
   * Sent as `x-api-key`. Visible ASCII, no white space.
   */
  apiKey?: string
}

/**
 * What the public listener answers to `POST /callbacks/{capability}`.
 */
export interface CallbackAnswer {
  /**
   * `accepted` (200): stored. `duplicate` (200): these bytes are stored already. `late` (200): the request has ended; noted. `refused` (400 no JSON, 415 has a Content-Encoding, 422 breaks the schema): kept in quarantine; without a `quarantineId` (400, 408, 431, 505) the request itself could not be read. `not-found` (404): no such capability. `too-large` (413), `too-many` (429, with Retry-After), `unavailable` (503, can't be stored now): nothing was stored, send again.
   */
  status:
    | 'accepted'
    | 'duplicate'
    | 'late'
    | 'refused'
    | 'not-found'
    | 'too-large'
    | 'too-many'
    | 'unavailable'
  /**
   * With `accepted`: proof of storage.
   */
  receipt?: string
  /**
   * With `refused`: where the body is kept.
   */
  quarantineId?: string
  /**
   * With `refused`: what the body breaks.
   */
  faults?: Fault[]
}

/**
 * The body of `POST /v1/operations/{op}/continue`: which of the held requests go on. Exactly one key.
 */
export interface ContinueBody {
  /**
   * Those of this bank.
   */
  bank?: string
  /**
   * Those with these bank credentials, by their hash in `held`.
   */
  credentials?: string
  /**
   * All of them.
   */
  all?: true
}

/**
 * What `GET /v1/requests/{id}/explain` tells. Codes are stable. Texts are for people, in English or Spanish (`Accept-Language`).
 */
export interface Explanation {
  /**
   * The request's id.
   */
  requestId: string
  state: RequestState
  /**
   * Why it waits, is parked or has failed; null where there is nothing to explain.
   */
  reason: string | null
  /**
   * Khipu's code of the latest failure; null where it gave none.
   */
  code: string | null
  why: ExplainedWhy
  rule: ExplainedRule
  next: ExplainedNext
  /**
   * The id of the request that goes first: of the same account, or with the same refused credentials.
   */
  blockedBy: string | null
  spent: ExplainedSpent
  /**
   * What an operator can call.
   */
  actions: ExplainedAction[]
}
/**
 * Why it is in its state.
 */
export interface ExplainedWhy {
  /**
   * Its reason, or its state where it has none.
   */
  code: string
  /**
   * The same in a sentence.
   */
  text: string
  /**
   * The position in `history` of the event that tells of it.
   */
  event: number | null
}
/**
 * The rule that decides what comes next.
 */
export interface ExplainedRule {
  /**
   * The row of the policy, or the name of a rule that no policy changes.
   */
  row: string
  /**
   * Where its numbers come from.
   */
  source: 'built-in' | 'policy-file'
  /**
   * The rule in a sentence.
   */
  text: string
}
/**
 * What happens by itself.
 */
export interface ExplainedNext {
  /**
   * When; null where nothing happens at a set time.
   */
  at: string | null
  /**
   * What it is: a POST to Khipu, a callback of Khipu's, or nothing.
   */
  what: 'send' | 'await-callback' | 'none'
  /**
   * What happens then if nothing comes before; null where nothing does.
   */
  otherwise: ExplainedOtherwise | null
}
export interface ExplainedOtherwise {
  /**
   * When.
   */
  at: string
  /**
   * `fail`: it ends. `decide`: the policy says whether it is sent again.
   */
  what: 'fail' | 'decide'
  /**
   * For which reason.
   */
  reason: string | null
}
/**
 * What it has cost, and may cost at most.
 */
export interface ExplainedSpent {
  /**
   * POSTs to Khipu. Each is billed.
   */
  attempts: number
  /**
   * The most that the policy allows.
   */
  mostAttempts: number
  /**
   * Log-ons that the bank refused.
   */
  logons: number
  /**
   * The most that the policy allows.
   */
  mostLogons: number
}
export interface ExplainedAction {
  /**
   * Its name.
   */
  name: 'retry' | 'authorization' | 'cancel'
  /**
   * Its HTTP method.
   */
  method: 'POST' | 'PUT'
  /**
   * Its path.
   */
  href: string
  /**
   * False where it would get 409.
   */
  allowed: boolean
  /**
   * What to think of before; null where there is nothing.
   */
  warning: string | null
}

/**
 * One rule that a document breaks. It never holds a value of the document.
 */
export interface Fault {
  /**
   * JSON Pointer (RFC 6901) to the part at fault; empty for the whole document.
   */
  path: string
  /**
   * The JSON Schema keyword that was broken, e.g. `required`. Where the document could not even be read: `utf-8`, `json`, `depth` and others. `cursor`: it belongs to no page of this list.
   */
  rule: string
  /**
   * The rule in words.
   */
  message: string
}

/**
 * Khipu documents: required, an object or null, which "can be an empty array". Ours: may be absent when Status is ERROR.
 *
 * @maxItems 0
 */
export type KhipuData =
  | {
      /**
       * The entries, possibly none. Khipu documents: an array of objects, not marked required. Ours: null. Other products have other keys here. The fields of an entry are not enforced: see khipu-transaction.json.
       */
      Transaction?:
        | {
            [k: string]: unknown
          }[]
        | null
      [k: string]: unknown
    }
  | unknown[]
  | null
/**
 * Khipu documents: required, null when Status is OK. Ours: may be absent, as in envelopes recorded in 2022, and may come with OK.
 */
export type KhipuError = {
  /**
   * Identifies the error, e.g. `E201`. Khipu documents: a string, not marked required. Ours: any kind.
   */
  Code?: unknown
  /**
   * How to treat the error. Khipu documents: RETRY_IMMEDIATELY, DO_NOT_RETRY, WAIT_4_HOURS_BEFORE_RETRY, RETRY_AFTER_NOTIFICATION; not marked required. Ours: any kind, absence; what is not one of the four parks the request.
   */
  Type?: unknown
  /**
   * Text for people. Khipu documents: a string, not marked required. Ours: any kind.
   */
  Description?: unknown
  [k: string]: unknown
} | null

/**
 * What Khipu POSTs to the CallbackUrl, and answers with HTTP 200 to a synchronous request. This schema enforces the envelope only: what the service must read to act on it. "Ours" marks where it is more lenient than Khipu's page; unknown keys are accepted everywhere, which is ours too.
 */
export interface KhipuEnvelope {
  /**
   * Identifies the operation; equals that of the acknowledgement. Khipu documents: required, at most 36 characters. Seen: a lower-case UUID v4.
   */
  OperationId: string
  /**
   * Khipu documents: required; OK means that the service was executed successfully, even if it returns no Data.
   */
  Status: 'OK' | 'ERROR'
  Data?: KhipuData
  /**
   * Khipu documents: required, a string or null; may say that Data is incomplete although Status is OK. Ours: any kind, absence.
   */
  AdditionalInformation?: unknown
  Error?: KhipuError
  /**
   * The time range in which an asynchronous request is processed; format and unit are not documented. Khipu documents: required, a string or null, null in synchronous answers. Ours: any kind, absence.
   */
  LifeSpan?: unknown
  [k: string]: unknown
}

/**
 * An amount of money. Khipu's sample shows `{}`; the fields are assumed.
 */
export type KhipuAmount = {
  /**
   * In units of Currency, the sign being in CreditDebitIndicator. Assumed: an unsigned decimal string; a number is accepted too.
   */
  Amount?: string | number | null
  /**
   * Assumed: ISO 4217, e.g. `CLP`.
   */
  Currency?: string | null
  [k: string]: unknown
} | null

/**
 * The account of one side. Khipu's sample shows `{}`; the fields are assumed.
 */
export type KhipuAccount = {
  /**
   * How Identification is to be read. Assumed.
   */
  SchemeName?: string | null
  /**
   * The account number. Assumed.
   */
  Identification?: string | null
  /**
   * The account's holder. Assumed.
   */
  Name?: string | null
  /**
   * Assumed.
   */
  SecondaryIdentification?: string | null
  [k: string]: unknown
} | null

/**
 * The bank of one side. Khipu's sample shows `{}`; the fields are assumed.
 */
export type KhipuAgent = {
  /**
   * How Identification is to be read. Assumed.
   */
  SchemeName?: string | null
  /**
   * The bank's code. Assumed.
   */
  Identification?: string | null
  /**
   * The bank's name. Assumed.
   */
  Name?: string | null
  /**
   * Assumed.
   */
  PostalAddress?: {
    [k: string]: unknown
  } | null
  [k: string]: unknown
} | null

/**
 * One entry of `Data.Transaction`, as it is expected. Nothing of it is enforced: a field that differs is listed under `deviations` beside the result. Khipu's sample shows these 24 field names and documents no rule for them. They equal those of UK Open Banking's OBTransaction6, so whatever is marked "Assumed" is taken from there and is not even expected. Nothing is required, every field may be null, and unknown fields are kept.
 */
export interface KhipuTransaction {
  /**
   * The account this entry belongs to. Assumed: 1 to 40 characters.
   */
  AccountId?: string | null
  /**
   * The entry's id. Assumed: 1 to 210 characters. Whether it stays the same between two calls is unknown.
   */
  TransactionId?: string | null
  /**
   * A reference to the underlying transaction. Assumed: 1 to 210 characters.
   */
  TransactionReference?: string | null
  /**
   * References to statements. Khipu's sample shows an array. Assumed: of strings.
   */
  StatementReference?: unknown[] | null
  /**
   * Money in or out. Khipu's sample shows `Credit`. Assumed: also `Debit`.
   */
  CreditDebitIndicator?: string | null
  /**
   * Where the entry stands. Khipu's sample shows `Booked`. Assumed: also `Pending` and `Rejected`.
   */
  Status?: string | null
  /**
   * Whether the entry may still change. Khipu's sample shows `Immutable`. Assumed: also `Mutable`.
   */
  TransactionMutability?: string | null
  /**
   * When the entry was booked. Khipu's sample reads `2017-07-22T00:00:00-0400`: an offset without a colon, which is not RFC 3339. Hence no format is asserted.
   */
  BookingDateTime?: string | null
  /**
   * When the money counts. Written like BookingDateTime.
   */
  ValueDateTime?: string | null
  /**
   * Free text about the entry. Assumed: 1 to 500 characters.
   */
  TransactionInformation?: string | null
  /**
   * Address or branch. Assumed: 1 to 70 characters.
   */
  AddressLine?: string | null
  Amount?: KhipuAmount
  ChargeAmount?: KhipuAmount
  /**
   * The account's balance after the entry. Its fields are assumed.
   */
  Balance?: {
    /**
     * Above or below zero. Assumed: `Credit` or `Debit`.
     */
    CreditDebitIndicator?: string | null
    /**
     * The kind of balance. Assumed: a code such as `ClosingBooked`.
     */
    Type?: string | null
    Amount?: KhipuAmount
    [k: string]: unknown
  } | null
  /**
   * ISO 20022 classification. Its fields are assumed.
   */
  BankTransactionCode?: {
    /**
     * The family. Assumed.
     */
    Code?: string | null
    /**
     * The sub-family. Assumed.
     */
    SubCode?: string | null
    [k: string]: unknown
  } | null
  /**
   * The bank's own classification. Its fields are assumed.
   */
  ProprietaryBankTransactionCode?: {
    /**
     * The bank's code. Assumed.
     */
    Code?: string | null
    /**
     * Who issues the code. Assumed.
     */
    Issuer?: string | null
    [k: string]: unknown
  } | null
  /**
   * The card that was used. Its fields are assumed.
   */
  CardInstrument?: {
    /**
     * Assumed.
     */
    CardSchemeName?: string | null
    /**
     * Assumed.
     */
    AuthorisationType?: string | null
    /**
     * The card holder. Assumed.
     */
    Name?: string | null
    /**
     * The card number or part of it. Assumed.
     */
    Identification?: string | null
    [k: string]: unknown
  } | null
  CreditorAccount?: KhipuAccount
  DebtorAccount?: KhipuAccount
  CreditorAgent?: KhipuAgent
  DebtorAgent?: KhipuAgent
  /**
   * The exchange of a foreign-currency entry. Its fields are assumed.
   */
  CurrencyExchange?: {
    /**
     * Assumed: ISO 4217.
     */
    SourceCurrency?: string | null
    /**
     * Assumed: ISO 4217.
     */
    TargetCurrency?: string | null
    /**
     * Assumed: ISO 4217.
     */
    UnitCurrency?: string | null
    /**
     * Units of one currency for one unit of UnitCurrency. Assumed: a number; a decimal string is accepted too.
     */
    ExchangeRate?: number | string | null
    /**
     * Assumed.
     */
    ContractIdentification?: string | null
    /**
     * Assumed: a date-time.
     */
    QuotationDate?: string | null
    InstructedAmount?: KhipuAmount
    [k: string]: unknown
  } | null
  /**
   * The merchant of a card payment. Its fields are assumed.
   */
  MerchantDetails?: {
    /**
     * Assumed.
     */
    MerchantName?: string | null
    /**
     * Assumed: ISO 18245, 3 or 4 digits.
     */
    MerchantCategoryCode?: string | null
    [k: string]: unknown
  } | null
  /**
   * Whatever else the bank gives. Khipu's sample shows an array, Open Banking has an object: both are accepted.
   */
  SupplementaryData?:
    | unknown[]
    | {
        [k: string]: unknown
      }
    | null
  [k: string]: unknown
}

/**
 * The body of `POST /v1/notifications`: the cause is gone, release what is parked. It needs at least one filter (`service`, `code`, `reason`, `requestIds`) or `"all": true`; a request must match every filter that is given. Unknown keys are refused, so that a typo releases nothing.
 */
export interface NotificationBody {
  /**
   * Only requests for this Khipu method.
   */
  service?: Service
  /**
   * Only requests whose last `Error.Code` was this.
   */
  code?: string
  /**
   * Only requests parked for this reason.
   */
  reason?: ParkReason
  /**
   * Only these requests, by their lower-case UUIDs.
   *
   * @minItems 1
   * @maxItems 1000
   */
  requestIds?: string[]
  /**
   * true: all that is parked; filters that are given as well still hold. When absent: false.
   */
  all?: boolean
  /**
   * true: count what matches, release nothing. When absent: false.
   */
  dryRun?: boolean
}

/**
 * The answer to `POST /v1/notifications`.
 */
export interface NotificationOutcome {
  /**
   * How many parked requests match.
   */
  matched: number
  /**
   * How many of them the notification releases, one after the other; those that wait for the probe of a refused log-on count. 0 in a dry run.
   */
  released: number
  /**
   * The operation that releases them: `GET /v1/operations/{op}` tells how far it is. Absent in a dry run.
   */
  operation?: string
}

/**
 * What an operation does: release parked requests, retry parked and scheduled requests, cancel requests that have not ended; accept or discard entries of the quarantine.
 */
export type OperationAction = 'release' | 'retry' | 'cancel' | 'accept' | 'discard'

/**
 * The body of `POST /v1/operations`. It needs exactly one of `filter`, `requestIds`, `quarantineIds` and `"all": true`. Unknown keys are refused, so that a typo changes nothing.
 */
export interface OperationBody {
  action: OperationAction
  filter?: OperationFilter
  /**
   * These requests, by their lower-case UUIDs.
   *
   * @minItems 1
   * @maxItems 1000
   */
  requestIds?: string[]
  /**
   * These entries of the quarantine.
   *
   * @minItems 1
   * @maxItems 1000
   */
  quarantineIds?: string[]
  /**
   * true: everything that the action is for. When absent: false.
   */
  all?: boolean
  /**
   * true: only count. When absent: false.
   */
  dryRun?: boolean
  /**
   * How many should match. With another number nothing begins: 409 `selection-changed`.
   */
  expected?: number
  /**
   * Change at most so many, the oldest first.
   */
  limit?: number
  /**
   * Send at most so many a second, never more than `releasesPerSecond` of the policy.
   */
  pace?: number
  /**
   * `bank`: the oldest of each bank goes first, and the others wait for what becomes of it. When absent: `none` where every reason in `filter` concerns single bank credentials or requests, else `bank`.
   */
  canary?: 'bank' | 'none'
  /**
   * true: a retry may come before Khipu's four hours are over. Needs the scope `admin`. When absent: false.
   */
  early?: boolean
  /**
   * true: accept entries that break khipu-envelope.json, as `POST /v1/quarantine/{id}/accept` does. When absent: false.
   */
  force?: boolean
  /**
   * Why, in your words. Without secrets: it is shown.
   */
  note?: string
}

/**
 * The data of an event `operation` of `GET /v1/events`: an operation has begun, gone on or ended.
 */
export interface OperationEvent {
  /**
   * The operation.
   */
  operationId: string
  /**
   * `running`, also while it waits for a canary, `stopping`, `stopped` or `done`.
   */
  state: string
  /**
   * When, by Redis's clock.
   */
  at: string
}

/**
 * What an operation takes: of each given key any of its values. An action on requests takes `state` to `olderThan`, an action on quarantine entries `kind` to `olderThan`.
 */
export interface OperationFilter {
  /**
   * Requests in these states. When absent: all states that the action is for.
   *
   * @minItems 1
   * @maxItems 100
   */
  state?: RequestState[]
  /**
   * Requests with these reasons.
   *
   * @minItems 1
   * @maxItems 100
   */
  reason?: (
    | 'account-busy'
    | 'ambiguous'
    | 'authorization-expired'
    | 'cancelled'
    | 'credentials'
    | 'do-not-retry'
    | 'expired'
    | 'logon-probe'
    | 'no-callback'
    | 'parked-too-long'
    | 'quarantined'
    | 'refused-logon'
    | 'rejected'
    | 'retries-exhausted'
    | 'retry-after-notification'
    | 'retry-immediately'
    | 'temporary'
    | 'unauthorized'
    | 'unknown-type'
    | 'unreadable-answer'
    | 'wait-4-hours'
  )[]
  /**
   * Requests with these codes of Khipu; `other` is any other code.
   *
   * @minItems 1
   * @maxItems 100
   */
  code?: string[]
  /**
   * Requests of these services.
   *
   * @minItems 1
   * @maxItems 100
   */
  service?: Service[]
  /**
   * Requests of these banks, the fourth part of the service.
   *
   * @minItems 1
   * @maxItems 100
   */
  bank?: string[]
  /**
   * Quarantine entries of these kinds.
   *
   * @minItems 1
   * @maxItems 100
   */
  kind?: ('not-json' | 'schema' | 'conflict' | 'late')[]
  /**
   * Asked for, or received, from this instant on.
   */
  since?: string
  /**
   * Asked for, or received, before this instant.
   */
  until?: string
  /**
   * Asked for, or received, longer ago than this, e.g. 4h.
   */
  olderThan?: string
}

/**
 * One page of `GET /v1/operations`, newest first.
 */
export interface OperationList {
  /**
   * The operations of this page.
   */
  items: OperationView[]
  /**
   * Give it as `cursor` to get the next page; null on the last one.
   */
  nextCursor: string | null
}

/**
 * The answer to `POST /v1/operations` with `"dryRun": true`.
 */
export interface OperationPreview {
  /**
   * How many match.
   */
  matched: number
  /**
   * The same by bank, the largest first. Empty for quarantine entries.
   */
  byBank: BankShare[]
  /**
   * How many POSTs to Khipu the operation costs at most, if each request is sent once.
   */
  costsAtMost: number
  /**
   * How many of them the action is not allowed for, because their attempts are used up or Khipu's four hours are not over. null where more than a thousand match.
   */
  notAllowed: number | null
}
export interface BankShare {
  /**
   * The bank.
   */
  bank: string
  /**
   * How many of its requests match.
   */
  requests: number
  /**
   * With how many different bank credentials. null where more than a thousand requests match.
   */
  credentials: number | null
}

/**
 * `canary`: all that is left waits for a canary. `stopping`: nothing more begins; what has its place in the pace is still sent. `done`: nothing is left but what is held.
 */
export type OperationState = 'canary' | 'running' | 'stopping' | 'stopped' | 'done'
/**
 * What became of the canary.
 */
export type HeldBecause = {
  /**
   * The canary.
   */
  requestId: string
  /**
   * Why it was not delivered.
   */
  reason: string | null
  /**
   * Khipu's code.
   */
  code: string | null
} | null

/**
 * An operation, and how far it is.
 */
export interface OperationView {
  /**
   * The operation's id.
   */
  operation: string
  action: OperationAction
  /**
   * What it takes; null where it takes everything or certain ids.
   */
  filter: OperationFilter | null
  /**
   * How many ids were given; null where none were.
   */
  ids: number | null
  /**
   * The name of the token that started it.
   */
  by: string
  /**
   * Why, in the operator's words.
   */
  note: string | null
  /**
   * Whether one request of each bank goes first.
   */
  canary: 'bank' | 'none'
  /**
   * How many a second at most; null for the pace of the policy.
   */
  pace: number | null
  /**
   * How many at most; null for all.
   */
  limit: number | null
  /**
   * The instant of the selection. What matches later is not taken.
   */
  startedAt: string
  /**
   * When it ended; null while it goes on.
   */
  endedAt: string | null
  state: OperationState
  /**
   * How many matched at its instant.
   */
  matched: number
  /**
   * How many it has changed.
   */
  done: number
  /**
   * How many it could not change.
   */
  refused: number
  /**
   * How many had left the selection before their turn.
   */
  skipped: number
  /**
   * What is held back until `continue`.
   */
  held: HeldRequests[]
  outcomes: OperationOutcomes
  /**
   * When a worker carries it on; null once it has ended.
   */
  nextAt: string | null
}
export interface HeldRequests {
  /**
   * The bank.
   */
  bank: string
  /**
   * A keyed hash of the bank credentials; null where the whole bank is held.
   */
  credentials: string | null
  /**
   * How many are held.
   */
  requests: number
  because: HeldBecause
}
/**
 * What has become of the requests that it has changed, so far. Of many that are open each look counts some.
 */
export interface OperationOutcomes {
  /**
   * Delivered.
   */
  delivered: number
  /**
   * Failed or cancelled.
   */
  failed: number
  /**
   * Parked again.
   */
  parkedAgain: number
  /**
   * Not ended, or not looked at yet.
   */
  open: number
}

/**
 * Why a request is parked: Khipu said RETRY_AFTER_NOTIFICATION, gave a Type that is unknown or none, or refused the authorization; the authorization will have expired when it is to be sent; the bank has refused the log-on of another request with the same credentials; no callback came by the deadline but one that was refused and kept; the immediate answer could not be read.
 */
export type ParkReason =
  | 'retry-after-notification'
  | 'unknown-type'
  | 'unauthorized'
  | 'authorization-expired'
  | 'credentials'
  | 'quarantined'
  | 'unreadable-answer'

/**
 * An error of the operator API: RFC 9457, `application/problem+json`.
 */
export interface Problem {
  /**
   * URI reference of the kind of problem.
   */
  type: string
  /**
   * The kind of problem in words.
   */
  title: string
  /**
   * The HTTP status code.
   */
  status: number
  /**
   * The kind of problem in a word that never changes: docs/reference/operator-api.md lists all.
   */
  code: string
  /**
   * This occurrence in words, without secrets.
   */
  detail?: string
  /**
   * What the body breaks; only where it was refused by its schema.
   */
  errors?: Fault[]
}

/**
 * Why it was kept: not JSON; breaks the schema; differs from the body already accepted; a good result of a request that had already failed.
 */
export type QuarantineKind = 'not-json' | 'schema' | 'conflict' | 'late'

/**
 * A callback body that could not be accepted and was kept.
 */
export interface QuarantineEntry {
  /**
   * The entry's id.
   */
  quarantineId: string
  kind: QuarantineKind
  /**
   * The request it answers, a UUIDv7.
   */
  requestId: string
  /**
   * The attempt it answers.
   */
  attempt: number
  /**
   * When it arrived, RFC 3339 in UTC.
   */
  receivedAt: string
  /**
   * Length of the body in bytes.
   */
  size: number
  /**
   * SHA-256 of the body as it arrived, in lower-case hexadecimal.
   */
  sha256: string
  /**
   * The bytes as they came, in base64; only where one looks at a single entry.
   */
  body?: string
  /**
   * What the body breaks; empty for `conflict` and `late`.
   */
  faults: Fault[]
}

/**
 * The data of an event `quarantine` of `GET /v1/events`: a body is kept, or not any more.
 */
export interface QuarantineEvent {
  /**
   * The kept body.
   */
  quarantineId: string
  /**
   * Its request.
   */
  requestId: string
  /**
   * Why it is kept.
   */
  kind: string
  /**
   * `kept`, or `removed`: accepted, discarded, expired or evicted.
   */
  change: string
  /**
   * When, by Redis's clock.
   */
  at: string
}

/**
 * One page of `GET /v1/quarantine`, newest first.
 */
export interface QuarantineList {
  /**
   * The entries of this page.
   */
  items: QuarantineEntry[]
  /**
   * Give it as `cursor` to get the next page; null on the last one.
   */
  nextCursor: string | null
}

/**
 * The results that no consumer has taken; null where Redis does not tell.
 */
export type ResultBacklog = {
  /**
   * How many wait.
   */
  waiting: number
  /**
   * How many a consumer has failed at.
   */
  failed: number
  /**
   * The age of the oldest one; 0 where none waits.
   */
  oldestSeconds: number
} | null

/**
 * What `GET /health/ready` tells: with 200 where the service can store callbacks, with 503 otherwise. While Redis loads its data, only `status`, `redis` and `concerns` are there.
 */
export interface Readiness {
  /**
   * `ready`: the service can store callbacks.
   */
  status: 'ready' | 'unavailable'
  /**
   * Whether Redis stores what it is given.
   */
  redis: 'ready' | 'away' | 'loading' | 'refuses'
  /**
   * `none` where Redis is at 75 % of its `maxmemory`.
   */
  room?: 'free' | 'none'
  /**
   * Warnings, one sentence each.
   */
  concerns: string[]
  /**
   * How many requests there are; null where Redis does not tell.
   */
  requests?: Accounting | null
  resultQueue?: ResultBacklog
  spool?: SpoolUsage
}
/**
 * The callbacks on disk; only where SPOOL_DIR is set.
 */
export interface SpoolUsage {
  /**
   * How many callbacks wait.
   */
  entries: number
  /**
   * How many bytes they take.
   */
  bytes: number
  /**
   * The age of the oldest one; null where the disk can't be read.
   */
  oldestSeconds: number | null
  /**
   * `none` where the disk takes no more.
   */
  room: 'free' | 'none'
}

/**
 * The answer to `POST /v1/requests`, `…/cancel` and `…/retry`: the change is stored.
 */
export interface RequestAccepted {
  /**
   * The request's id, a UUIDv7.
   */
  requestId: string
  state: RequestState
}

/**
 * The body of `POST /v1/requests`: ask Khipu for something. The rules are ours, but for those marked "Khipu documents". Unknown keys are refused, so that a typo is told.
 */
export interface RequestBody {
  /**
   * Which Khipu method to call. When absent: `cl/banking/personal/btgpactual.cl/transactions`.
   */
  service?: Service
  RequestData: RequestData
  /**
   * The credential for this request, which beats the service's own: a `jwt` or an `apiKey`. Khipu documents: never both.
   */
  authorization?: Authorization
  /**
   * Your own name for the request; comes back in the result. Not sent to Khipu. Stored and shown in clear: put no secret in it.
   */
  reference?: string | null
}
/**
 * Sent to Khipu untouched, unknown keys included. `{}` for products that need nothing.
 */
export interface RequestData {
  /**
   * The bank account's number. Khipu documents: at most 20 characters, required for the product `transactions`.
   */
  AccountNumber?: string
  /**
   * The bank log-on. Khipu documents: deprecated, but mandatory with an API key. Its keys are not documented, so they are not checked.
   */
  AccountCredential?: {
    [k: string]: unknown
  }
  [k: string]: unknown
}

/**
 * The data of an event `request` of `GET /v1/events`: a request has come into another state, or has another reason.
 */
export interface RequestEvent {
  /**
   * The request.
   */
  requestId: string
  /**
   * The state before; null for a new request.
   */
  from: string | null
  /**
   * The state from then on.
   */
  to: string
  /**
   * Why; null where there is nothing to explain.
   */
  reason: string | null
  /**
   * Khipu's code, where it is the cause of the state.
   */
  code: string | null
  /**
   * The bank that is asked.
   */
  bank: string
  /**
   * When, by Redis's clock.
   */
  at: string
}

/**
 * One page of `GET /v1/requests`: newest first, or with `sort=due` by the instant of the next step.
 */
export interface RequestList {
  /**
   * The requests of this page.
   */
  items: RequestView[]
  /**
   * Give it as `cursor` to get the next page; null on the last one.
   */
  nextCursor: string | null
  /**
   * How many requests match, on all pages. null with account, reference, referencePrefix, operationId or sort=due, and while a ledger of an older version is being indexed.
   */
  total: number | null
  /**
   * True where the page is short because it has read a thousand records. The next page goes on.
   */
  partial: boolean
  /**
   * The part of a ledger of an older version that is indexed. Absent once all of it is, and where no filter needs it.
   */
  indexing?: number
}

/**
 * Where a request stands. `delivered`, `failed` and `cancelled` are final.
 */
export type RequestState =
  | 'queued'
  | 'sending'
  | 'awaiting-callback'
  | 'retry-scheduled'
  | 'parked'
  | 'delivered'
  | 'failed'
  | 'cancelled'

/**
 * Which account it is about, without telling; null where the request names none and brings no log-on.
 */
export type AccountView = {
  /**
   * A keyed hash of the account and its bank, which is the first four parts of the service: the same for all requests about it. Where the request names no account, of its log-on and the bank. `GET /v1/requests?account=` takes it.
   */
  id: string
  /**
   * The last characters of the account's number, at most three; none of a number of fewer than six.
   */
  endsWith: string
} | null
/**
 * null unless it is parked.
 */
export type ParkedView = {
  /**
   * When it was parked.
   */
  at: string
  /**
   * When it fails with `parked-too-long`, if nobody acts.
   */
  failsAt: string | null
  /**
   * The instant before which it is not sent, even after a release: Khipu's four hours. null where there is none.
   */
  notBefore: string | null
} | null

/**
 * What `GET /v1/requests/{id}` tells about a request. It holds no secret and no account number. Instants are RFC 3339 in UTC.
 */
export interface RequestView {
  /**
   * The request's id, a UUIDv7.
   */
  requestId: string
  /**
   * The Khipu method that is called.
   */
  service: string
  /**
   * The bank that is asked: the fourth part of the service, e.g. `btgpactual.cl`.
   */
  bank: string
  /**
   * The caller's own name for the request.
   */
  reference: string | null
  account: AccountView
  state: RequestState
  /**
   * Why it waits, is parked or has failed; null where there is nothing to explain.
   */
  reason: string | null
  /**
   * Khipu's code of the latest failure; null where it gave none.
   */
  code: string | null
  /**
   * When it came into its state.
   */
  stateSince: string
  /**
   * How many times Khipu has been asked.
   */
  attempts: number
  /**
   * When the request was accepted.
   */
  requestedAt: string
  /**
   * The name of the token that asked for it.
   */
  requestedBy: string | null
  /**
   * The instant of the next step; null where none.
   */
  dueAt: string | null
  parked: ParkedView
  /**
   * The id of the request that goes before it, of the same account or with the same rejected credentials; null where none does.
   */
  blockedBy: string | null
  /**
   * Khipu's id of the latest attempt; null until Khipu has told it.
   */
  operationId: string | null
  /**
   * What happened, oldest first. Empty in a list with `fields=summary`.
   */
  history: HistoryEntry[]
}
/**
 * One event; further keys depend on it.
 */
export interface HistoryEntry {
  /**
   * When it happened.
   */
  at: string
  /**
   * What happened, in one word or two.
   */
  event: string
  /**
   * The attempt it belongs to, where it belongs to one.
   */
  attempt?: number
  [k: string]: unknown
}

export type Completeness = 'complete' | 'incomplete' | 'empty'
export type FailReason =
  | 'do-not-retry'
  | 'retries-exhausted'
  | 'rejected'
  | 'no-callback'
  | 'cancelled'
  | 'expired'
  | 'parked-too-long'

/**
 * The data of one job on the result queue: how a request ended. Its job id is the request id (`<requestId>-late` for the extra one of a request that had failed, whose late callback an operator accepted), its name the outcome. Instants are RFC 3339 in UTC. Consumers must tolerate further keys.
 */
export interface Result {
  /**
   * The request's id, a UUIDv7.
   */
  requestId: string
  /**
   * The name that the caller gave the request.
   */
  reference: string | null
  /**
   * The Khipu method that was called, e.g. `cl/banking/personal/btgpactual.cl/transactions`.
   */
  service: string
  /**
   * `delivered`: Khipu gave a good result. `failed`: it did not, and reason tells why.
   */
  outcome: 'delivered' | 'failed'
  /**
   * `incomplete`: Khipu's AdditionalInformation says that data may be missing. `empty`: no data came. null when failed.
   */
  completeness: Completeness | null
  /**
   * Why it failed: Khipu says DO_NOT_RETRY; all retries are spent; Khipu refused the request itself; no callback came; an operator cancelled it; it grew too old; nobody released it. null when delivered.
   */
  reason: FailReason | null
  /**
   * How many times Khipu was asked.
   */
  attempts: number
  /**
   * When the request was accepted.
   */
  requestedAt: string
  /**
   * When `response` arrived; null where none came.
   */
  receivedAt: string | null
  /**
   * Khipu's id of the operation; null where Khipu told none.
   */
  operationId: string | null
  /**
   * Where a transaction of `response` is not as khipu-transaction.json expects, the first 20 places at the most; empty where there is none. `response` itself is untouched.
   *
   * @maxItems 20
   */
  deviations: Deviation[]
  /**
   * Khipu's envelope untouched, see khipu-envelope.json; null where none came.
   */
  response: {
    [k: string]: unknown
  } | null
}
export interface Deviation {
  /**
   * JSON Pointer (RFC 6901) into `response`, e.g. `/Data/Transaction/3/Amount`.
   */
  path: string
  /**
   * The JSON Schema keyword that the value breaks, e.g. `type`.
   */
  rule: string
}

/**
 * A whole number and a unit: `500ms`, `4h`.
 */
export type Duration = string

/**
 * The n-th retry waits the n-th delay; the last one repeats.
 *
 * @minItems 1
 */
export type Delays = Duration[]

/**
 * What chance adds at most to a delay: a share of it (0 to 1), or a duration.
 */
export type Jitter = number | string

/**
 * When and how often to retry.
 */
export interface RetryRow {
  delays: Delays
  jitter: Jitter
  /**
   * So many retries; then the request fails.
   */
  maxRetries: number
}

/**
 * A RetryRow whose delays give way to a longer Retry-After.
 */
export interface RetryAfterRow {
  delays: Delays
  jitter: Jitter
  /**
   * So many retries; then the request fails.
   */
  maxRetries: number
  /**
   * A Retry-After header is honoured up to this. When absent: the built-in's.
   */
  retryAfterMax?: Duration
}

/**
 * How long to stay parked.
 */
export interface ParkRow {
  /**
   * Parked for longer than this, the request fails as `parked-too-long`.
   */
  failAfter: Duration
}

/**
 * The file named by RETRY_POLICY_FILE: every number behind the decisions. Each row is optional, and an absent row keeps the built-in's; a row that is given must be complete. "Retry" always means: send the request to Khipu again, which costs money. The built-in policy is written out in examples/retry-policy.example.json.
 */
export interface RetryPolicy {
  /**
   * A request older than this, not counting the time it was parked, fails as `expired`.
   */
  requestMaxAge?: Duration
  /**
   * How many parked requests per second are sent after a notification.
   */
  releasesPerSecond?: number
  /**
   * How many POSTs one request may cost, over all causes; then it fails as `retries-exhausted`. When absent: the built-in's.
   */
  maxAttempts?: number
  /**
   * How many requests, at most, try a refused log-on again after one notification, one after the other. When absent: the built-in's.
   */
  probes?: number
  /**
   * One row per cause that is answered with a retry.
   */
  retry?: {
    /**
     * Error.Type RETRY_IMMEDIATELY, unless the row `refused-logon` applies.
     */
    'retry-immediately'?: RetryAfterRow
    /**
     * The bank refused the log-on: a Code from E100 to E199. The delays are those of Error.Type RETRY_IMMEDIATELY. maxRetries bounds the refused log-ons of one request in all, whatever their Type: after that many retries the next one fails it. Keep it at 1: a bank locks accounts.
     */
    'refused-logon'?: RetryAfterRow
    /**
     * Error.Type WAIT_4_HOURS_BEFORE_RETRY. Less than 4 hours disobeys Khipu; jitter only adds.
     */
    'wait-4-hours'?: RetryRow
    /**
     * Khipu could not be asked: HTTP 408, 425, 429, 5xx, a connection refused or lost before the request was sent.
     */
    temporary?: RetryAfterRow
    /**
     * The deadline passed without a callback.
     */
    'no-callback'?: RetryRow
  }
  /**
   * One row per reason to park. A parked request waits for a notification.
   */
  park?: {
    /**
     * Error.Type RETRY_AFTER_NOTIFICATION.
     */
    'retry-after-notification'?: ParkRow
    /**
     * Error.Type is missing or none of the four documented ones.
     */
    'unknown-type'?: ParkRow
    /**
     * HTTP 401 or 403, or Code A000 without a Type.
     */
    unauthorized?: ParkRow
    /**
     * The JWT will have expired when the request is to be sent.
     */
    'authorization-expired'?: ParkRow
    /**
     * The bank has refused the log-on (Code E1xx), and Khipu gave no Error.Type; or it has refused that of another request with the same credentials.
     */
    credentials?: ParkRow
    /**
     * The deadline passed; a callback of this attempt was refused and is kept in quarantine.
     */
    quarantined?: ParkRow
    /**
     * Khipu's immediate answer was a redirect, or a 2xx whose body could not be read and is kept in quarantine, and no callback came by the deadline.
     */
    'unreadable-answer'?: ParkRow
  }
}

/**
 * The data of one job on the result queue where `SEAL_RESULTS=true`: a result (result.json) that only who has `RESULT_KEYS` can read. The job's id, name and options are those of an unsealed one; docs/reference/encrypted-results.md tells how to open it. Consumers must tolerate further keys.
 */
export interface SealedResult {
  /**
   * The request's id, a UUIDv7, for people who look at the queue; the one inside counts.
   */
  requestId: string
  /**
   * Base64 (RFC 4648, padded) of: the length of the key id (1 byte), key id, nonce (12), tag (16), ciphertext; AES-256-GCM of the result's JSON text, the job id as associated data.
   */
  sealed: string
}

/**
 * Which Khipu method is called: the path after `/v1/`, written `{country}/banking/{kind of user}/{bank}/{product}`.
 */
export type Service = string

/**
 * How many requests are in a state.
 */
export interface StateSummary {
  /**
   * How many there are.
   */
  count: number
  /**
   * When the oldest of them was asked for; null where there is none.
   */
  oldestRequestedAt: string | null
}

/**
 * What `GET /v1/stats` tells: how many requests entered which state, in units of time.
 */
export interface Stats {
  /**
   * Units from this instant on.
   */
  from: string
  /**
   * Units that begin before this instant.
   */
  to: string
  /**
   * The unit: a minute or an hour.
   */
  step: '1m' | '1h'
  /**
   * One for each combination of the labels of `by`. A request that enters a state twice counts twice.
   */
  series: StatsSeries[]
}
export interface StatsSeries {
  /**
   * What it is told apart by; null for requests without that value.
   */
  labels: {
    /**
     * The state that was entered.
     */
    state?: string | null
    /**
     * The reason of that state.
     */
    reason?: string | null
    /**
     * Khipu's code, where it is the cause of the state.
     */
    code?: string | null
    /**
     * The Khipu method.
     */
    service?: string | null
    /**
     * The bank.
     */
    bank?: string | null
  }
  /**
   * The start of a unit, and how many entered. A unit in which none did has no point.
   */
  points: (string | number)[][]
}

export type Advice =
  | 'wait-then-release'
  | 'ask-then-release'
  | 'give-authorization'
  | 'give-credentials'
  | 'look-at-quarantine'

/**
 * What `GET /v1/summary` tells: how many requests there are, by state and by cause, and which of them wait for somebody.
 */
export interface Summary {
  /**
   * When it was read.
   */
  at: string
  /**
   * The first thing to know.
   */
  verdict: {
    /**
     * `attention`: requests wait for somebody. `trouble`: requests are unaccounted for, or overdue.
     */
    level: 'ok' | 'attention' | 'trouble'
    /**
     * The verdict in a sentence.
     */
    text: string
    /**
     * How many requests and results wait for a person.
     */
    needsSomebody: number
  }
  accounting: Accounting
  /**
   * The requests in the ledger, by state.
   */
  states: {
    queued: StateSummary
    sending: StateSummary
    'awaiting-callback': StateSummary
    'retry-scheduled': StateSummary
    parked: StateSummary
    delivered: StateSummary
    failed: StateSummary
    cancelled: StateSummary
  }
  /**
   * Requests that are alike: those that wait for somebody first, then the largest. null while a ledger of an older version is being indexed.
   */
  groups: SummaryGroup[] | null
  /**
   * The part of a ledger of an older version that is indexed. Absent once all of it is.
   */
  indexing?: number
  /**
   * How many live requests are due within the next six hours, in steps of half an hour. What is overdue is in the first step.
   */
  due: DueCount[]
  /**
   * How full Redis is.
   */
  redis: {
    /**
     * The used share of its maxmemory; 0 where it has no limit.
     */
    filled: number
  }
  /**
   * The callbacks on the disk of the process that answers; null where it has no spool.
   */
  spool: {
    /**
     * How many wait there.
     */
    entries: number
  } | null
  /**
   * The results that no consumer has taken yet.
   */
  resultQueue: {
    /**
     * How many wait.
     */
    waiting: number
    /**
     * How many consumers have given up.
     */
    failed: number
    /**
     * For how long the next one has waited.
     */
    oldestSeconds: number
  }
}
export interface SummaryGroup {
  state: RequestState
  /**
   * Why they wait or failed; null without a reason, or where `by` leaves it out.
   */
  reason: string | null
  /**
   * Khipu's code, `other` for one of another form; null as above.
   */
  code: string | null
  /**
   * The Khipu method; null as above.
   */
  service: string | null
  /**
   * The bank; null as above.
   */
  bank: string | null
  /**
   * How many there are.
   */
  count: number
  /**
   * When the oldest of them was asked for.
   */
  oldestRequestedAt: string
  /**
   * `somebody`: nothing happens before a person acts.
   */
  needs: 'somebody' | 'nobody'
  /**
   * What to do: wait until Khipu says that the cause is gone, ask Khipu, give a valid authorization, give other credentials, or look at the quarantine; then release them. null where nobody is needed.
   */
  advice: Advice | null
}
export interface DueCount {
  /**
   * The start of the step.
   */
  from: string
  /**
   * Its end, where the next one starts.
   */
  to: string
  /**
   * Those to be sent.
   */
  queued: number
  /**
   * Those whose POST has a deadline then.
   */
  sending: number
  /**
   * Those whose callback has a deadline then.
   */
  'awaiting-callback': number
  /**
   * Those to be sent again.
   */
  'retry-scheduled': number
  /**
   * Those that fail then, if nobody acts.
   */
  parked: number
}

/** The type that each file of schemas/ describes, by its name without `.json`. */
export interface SchemaTypes {
  'accept-body': AcceptBody
  accounting: Accounting
  'audit-list': AuditList
  authorization: Authorization
  'callback-answer': CallbackAnswer
  'continue-body': ContinueBody
  explanation: Explanation
  fault: Fault
  'khipu-envelope': KhipuEnvelope
  'khipu-transaction': KhipuTransaction
  'notification-body': NotificationBody
  'notification-outcome': NotificationOutcome
  'operation-action': OperationAction
  'operation-body': OperationBody
  'operation-event': OperationEvent
  'operation-filter': OperationFilter
  'operation-list': OperationList
  'operation-preview': OperationPreview
  'operation-view': OperationView
  'park-reason': ParkReason
  problem: Problem
  'quarantine-entry': QuarantineEntry
  'quarantine-event': QuarantineEvent
  'quarantine-list': QuarantineList
  readiness: Readiness
  'request-accepted': RequestAccepted
  'request-body': RequestBody
  'request-event': RequestEvent
  'request-list': RequestList
  'request-state': RequestState
  'request-view': RequestView
  result: Result
  'retry-policy': RetryPolicy
  'sealed-result': SealedResult
  service: Service
  'state-summary': StateSummary
  stats: Stats
  summary: Summary
}
