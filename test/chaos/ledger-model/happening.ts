import type { QueueName } from '../../../src/queue/queues.ts'
import fc from 'fast-check'
import type { KhipuEnvelope } from '../../../src/schemas/generated.ts'
import { error, ok } from '../../helpers/callbacks.ts'
import { BTG } from '../../helpers/requests.ts'
import { DAY, HOUR } from '../../helpers/service.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** What Khipu says in an envelope. Another variant is the same in other bytes. */
export interface Body {
  readonly kind: 'good' | 'empty' | 'not-json' | ErrorKind
  readonly variant: number
}

type ErrorKind = keyof typeof ERRORS

const ERRORS = {
  'retry-immediately': ['RETRY_IMMEDIATELY', 'E201'],
  'refused-logon': ['RETRY_IMMEDIATELY', 'E101'],
  'do-not-retry': ['DO_NOT_RETRY', 'E401'],
  'wait-4-hours': ['WAIT_4_HOURS_BEFORE_RETRY', 'E202'],
  'retry-after-notification': ['RETRY_AFTER_NOTIFICATION', 'I001'],
  'unknown-type': ['constructor', 'E999'],
  'bad-token': [undefined, 'A000']
} as const

/** What Khipu does with a POST: an envelope at once, or a word for what comes of its answer or the connection. */
export type Said =
  | { readonly type: 'envelope'; readonly body: Body }
  | {
      readonly type:
        | 'acknowledged'
        | '401'
        | '400'
        | '503'
        | 'garbage'
        | 'lost-before'
        | 'lost-after'
        /** The process ends once the POST is out. */
        | 'dies'
    }

export interface Filter {
  readonly service: string | null
  readonly code: string | null
  readonly reason:
    'retry-after-notification' | 'unknown-type' | 'unauthorized' | 'credentials' | null
}

/** Something that somebody does, as data: what fast-check prints when a run goes wrong. */
export type Happening =
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: 'due'; readonly lateMs: number }
  | { readonly type: 'skew'; readonly ms: number }
  | {
      readonly type: 'ask'
      readonly account: number
      readonly logon: number
      readonly isElsewhere: boolean
    }
  /** The next job of a queue is run, or of another where that one has none; `said` is for where it is a POST, `meanwhile` happens while Khipu answers. */
  | {
      readonly type: 'run'
      readonly queue: QueueName
      readonly said: Said
      readonly meanwhile: readonly Happening[]
    }
  /** The job that another process has in hand is run once more: it was taken for stalled. */
  | { readonly type: 'twin' }
  | { readonly type: 'callback'; readonly pick: number; readonly body: Body }
  | { readonly type: 'notify'; readonly filter: Filter }
  | { readonly type: 'cancel' | 'retry' | 'accept' | 'discard'; readonly pick: number }
  | { readonly type: 'authorize'; readonly pick: number; readonly logon: number }
  | { readonly type: 'sweep' }
  | { readonly type: 'take-over' }
  | { readonly type: 'lose'; readonly queues: readonly QueueName[] }

/** A crash, a lost reply, or somebody else, at a command of whatever happens: `at`, modulo how many there are, or at the commit. */
export interface Interruption {
  readonly at: number | 'commit'
  readonly how: 'dies-before' | 'dies-after' | 'again' | 'before' | 'after'
  readonly by: readonly Happening[]
}

export interface Event {
  readonly what: Happening
  readonly interruption: Interruption | null
  /** Chance, as the handlers are told of it. */
  readonly random: number
}

/** What a body is, in bytes. */
export function bytesOf(body: Body): Buffer {
  const envelope = envelopeOf(body)
  return Buffer.from(envelope === null ? `not json ${body.variant}` : JSON.stringify(envelope))
}

/** The envelope that a body is; null where it is none. */
export function envelopeOf({ kind, variant }: Body): KhipuEnvelope | null {
  const OperationId = `operation-${variant}`
  if (kind === 'not-json') return null
  if (kind === 'good') return ok({ OperationId })
  if (kind === 'empty') return ok({ OperationId, Data: { Transaction: [] } })
  const [type, code] = ERRORS[kind]
  return { ...error(type, code), OperationId }
}

export function isGood({ kind }: Body): boolean {
  return kind === 'good' || kind === 'empty'
}

function isEnvelope({ kind }: Body): boolean {
  return kind !== 'not-json'
}

const picks = fc.nat({ max: 11 })
const logons = fc.constantFrom(0, 1, 1, 2)
const kinds = fc.oneof(
  { arbitrary: fc.constantFrom<Body['kind']>('good', 'good', 'empty', 'not-json'), weight: 4 },
  {
    arbitrary: fc.constantFrom<Body['kind']>(
      ...(['retry-immediately', 'wait-4-hours', 'retry-after-notification'] as const),
      ...(['refused-logon', 'retry-after-notification', 'refused-logon'] as const),
      ...(['do-not-retry', 'unknown-type', 'bad-token'] as const)
    ),
    weight: 8
  }
)
const bodies = fc.record({ kind: kinds, variant: fc.nat({ max: 2 }) })
const saids: fc.Arbitrary<Said> = fc.oneof(
  { arbitrary: fc.constant<Said>({ type: 'acknowledged' }), weight: 8 },
  {
    arbitrary: bodies.filter(isEnvelope).map((body): Said => ({ type: 'envelope', body })),
    weight: 4
  },
  {
    arbitrary: fc
      .constantFrom('401', '400', '503', '503', 'garbage', 'lost-before', 'lost-after', 'dies')
      .map((type) => ({ type }) as Said),
    weight: 6
  }
)
const queues = fc.constantFrom<QueueName>(
  ...(['send', 'send', 'paced', 'callback', 'callback', 'deadline', 'deadline'] as const)
)
const filters: fc.Arbitrary<Filter> = fc.oneof(
  fc.constant({ service: null, code: null, reason: null }),
  fc.record({
    service: fc.constantFrom(null, null, BTG),
    code: fc.constantFrom(null, null, 'I001', 'E101'),
    reason: fc.constantFrom<Filter['reason']>(
      null,
      'retry-after-notification',
      'unknown-type',
      'unauthorized',
      'credentials'
    )
  })
)

function choose(weights: readonly (readonly [weight: number, of: fc.Arbitrary<unknown>])[]) {
  const all = weights.map(([weight, arbitrary]) => ({ weight, arbitrary }))
  return fc.oneof(...all) as fc.Arbitrary<Happening>
}

const type = <T extends string>(name: T) => fc.constant(name)
const simple: readonly (readonly [number, fc.Arbitrary<unknown>])[] = [
  [
    3,
    fc.record({
      type: type('time'),
      ms: fc.constantFrom(1, 1, 999, SECOND, 6 * SECOND, MINUTE, HOUR, 5 * HOUR, 2 * DAY)
    })
  ],
  [5, fc.record({ type: type('due'), lateMs: fc.constantFrom(0, 0, -1, 1, 6 * SECOND) })],
  [8, fc.record({ type: type('callback'), pick: picks, body: bodies })],
  [3, fc.record({ type: type('notify'), filter: filters })],
  [1, fc.record({ type: type('cancel'), pick: picks })],
  [2, fc.record({ type: type('retry'), pick: picks })],
  [2, fc.record({ type: fc.constantFrom('accept', 'discard'), pick: picks })],
  [2, fc.record({ type: type('authorize'), pick: picks, logon: logons })]
]
const bare = fc.record({
  type: type('run'),
  queue: queues,
  said: saids,
  meanwhile: fc.constant([])
})
/** What may happen in the middle of something else. */
const meanwhiles = choose([
  ...simple,
  [8, fc.record({ type: type('notify'), filter: filters })],
  [36, bare],
  [3, fc.constant({ type: 'twin' })]
])
const happenings = choose([
  ...simple,
  [
    24,
    fc.record({
      type: type('run'),
      queue: queues,
      said: saids,
      meanwhile: fc.oneof(
        { arbitrary: fc.constant([]), weight: 3 },
        { arbitrary: fc.array(meanwhiles, { maxLength: 2 }), weight: 1 }
      )
    })
  ],
  [
    7,
    fc.record({
      type: type('ask'),
      account: fc.constantFrom(0, 0, 0, 1),
      logon: logons,
      isElsewhere: fc.boolean()
    })
  ],
  [3, fc.constant({ type: 'sweep' })],
  [2, fc.constant({ type: 'take-over' })],
  [
    1,
    fc.record({
      type: type('lose'),
      queues: fc.subarray<QueueName>(['send', 'paced', 'callback', 'deadline'], {
        minLength: 1
      })
    })
  ],
  [1, fc.record({ type: type('skew'), ms: fc.constantFrom(0, HOUR, -MINUTE) })]
])

const interruptions: fc.Arbitrary<Interruption> = fc.record({
  at: fc.oneof(fc.nat({ max: 99 }), fc.constant('commit' as const)),
  how: fc.constantFrom(
    ...(['dies-before', 'dies-after', 'dies-before', 'dies-after', 'again'] as const),
    ...(['before', 'before', 'after', 'after'] as const)
  ),
  by: fc.array(meanwhiles, { minLength: 1, maxLength: 2 })
})
/** Somebody else comes in between a decision and its commit. */
const races: fc.Arbitrary<Interruption> = fc.record({
  at: fc.constant('commit' as const),
  how: fc.constant('before' as const),
  by: fc.array(meanwhiles, { minLength: 1, maxLength: 2 })
})

/** What happens in one run, and how Khipu ends it once nothing more is done to the service. */
export interface Story {
  readonly events: readonly Event[]
  readonly ending: 'silent' | 'good' | '503' | '401'
  /** Whether somebody lets go in the end what is parked. */
  readonly isReleased: boolean
}

/**
 * A third of the stories are calm, without crashes, lost keys and clocks that differ: in those nothing needs the
 * sweep. In another third somebody else comes in between at almost every commit.
 */
export function stories(length: number): fc.Arbitrary<Story> {
  const anEvent = (kind: Kind) => {
    const { what, interruption, share } = KINDS[kind]
    return fc.record({
      what,
      interruption: fc.oneof(
        { arbitrary: fc.constant(null), weight: 10 - share },
        { arbitrary: interruption, weight: share }
      ),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    })
  }
  const asking = (logon: number): Event => ({
    what: { type: 'ask', account: 0, logon, isElsewhere: false },
    interruption: null,
    random: 0
  })
  const all = (kind: Kind) => fc.noBias(fc.array(anEvent(kind), { maxLength: length, size: 'max' }))
  return fc.record({
    events: fc
      .constantFrom<Kind>('calm', 'storm', 'race')
      .chain(all)
      .map((events) => [asking(1), asking(0), ...events]),
    ending: fc.constantFrom('silent', 'good', '503', '401'),
    isReleased: fc.boolean()
  })
}

const UNREST: ReadonlySet<string> = new Set(['skew', 'lose'])

function isCalm(what: Happening): boolean {
  if (what.type === 'run' && what.said.type === 'dies') return false
  return !UNREST.has(what.type) && (what.type !== 'run' || what.meanwhile.every(isCalm))
}

function isHarmless({ how, by }: Interruption): boolean {
  return !how.startsWith('dies') && by.every(isCalm)
}

type Kind = 'calm' | 'storm' | 'race'

/** What happens in a kind of story, and how many of ten such are interrupted. */
const KINDS = {
  calm: {
    what: happenings.filter(isCalm),
    interruption: interruptions.filter(isHarmless),
    share: 4
  },
  storm: { what: happenings, interruption: interruptions, share: 4 },
  race: { what: happenings.filter(isCalm), interruption: races, share: 8 }
} as const
