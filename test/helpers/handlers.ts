import * as callbackListener from '../../src/callbacks/callback-listener.ts'
import * as drainSpool from '../../src/callbacks/drain-spool.ts'
import type * as redisStore from '../../src/callbacks/redis-store.ts'
import type * as store from '../../src/callbacks/store-callback.ts'
import {
  type AdvanceDeps,
  type AdvanceOptions,
  createAdvance,
  type Step
} from '../../src/ledger/advance.ts'
import {
  createOperatorAdvance,
  type OperatorAdvanceDeps
} from '../../src/operator/operator-advance.ts'
import * as accept from '../../src/operator/accept-quarantined.ts'
import type { OperatorDeps } from '../../src/operator/operator-listener.ts'
import type * as changes from '../../src/operator/routes/request-change-routes.ts'
import type * as create from '../../src/operator/routes/create-request-route.ts'
import type * as quarantine from '../../src/operator/routes/quarantine-entries.ts'
import type * as requests from '../../src/operator/routes/request-routes.ts'
import type * as explaining from '../../src/operator/routes/explain-route.ts'
import type { AuditDeps } from '../../src/operator/audit.ts'
import { createEventFeed } from '../../src/operator/event-feed.ts'
import type * as audit from '../../src/operator/routes/audit-route.ts'
import type * as stats from '../../src/operator/routes/stats-route.ts'
import type * as summary from '../../src/operator/routes/summary-routes.ts'
import type { Events } from '../../src/ledger/events/joined-events.ts'
import type { Quarantined } from '../../src/ledger/quarantine/quarantine.ts'
import * as ledgerRelease from '../../src/ledger/releases/release.ts'
import type { Releasing } from '../../src/ledger/releases/notifications.ts'
import * as reEncrypt from '../../src/ledger/re-encrypt.ts'
import type { JobData } from '../../src/queue/queues.ts'
import * as callback from '../../src/worker/handle-callback.ts'
import * as deadline from '../../src/worker/handle-deadline.ts'
import * as send from '../../src/worker/handle-send.ts'
import type * as settling from '../../src/worker/settle-answer.ts'
import { createSenderAdvance } from '../../src/worker/sender-advance.ts'
import * as sweeping from '../../src/worker/sweep.ts'
import * as worker from '../../src/worker/worker.ts'

// Each runs a part of the service with one object that holds whatever that part uses: what a test puts in another's
// place is what `advance` uses as well.

type Flat<Deps> = Omit<Deps, 'advance'> & AdvanceDeps
type Writer = store.LedgerWriter & { readonly large?: store.LedgerWriter }
type Writing<Deps> = Omit<Deps, 'writers'> & Writer

function bind<Deps extends AdvanceDeps>(deps: Deps) {
  return { ...deps, advance: createAdvance(deps) }
}

export function advance(
  deps: AdvanceDeps,
  requestId: string,
  step: Step,
  options?: AdvanceOptions
) {
  return createAdvance(deps)(requestId, step, options)
}

/** What the handler of the send queue uses. */
export type FlatSendDeps = Flat<
  Omit<send.SendDeps, 'settling'> & Omit<settling.SettleDeps, 'advance' | 'settle'>
>

function bindSender<Deps extends FlatSendDeps>(deps: Deps) {
  const bound = { ...deps, advance: createSenderAdvance(deps), settle: createAdvance(deps) }
  return { ...bound, settling: bound }
}

export function handleSend(deps: FlatSendDeps, job: JobData) {
  return send.handleSend(bindSender(deps), job)
}

export function handleCallback(deps: Flat<callback.CallbackDeps>, job: JobData) {
  return callback.handleCallback(bind(deps), job)
}

export function handleDeadline(deps: Flat<deadline.DeadlineDeps>, job: JobData) {
  return deadline.handleDeadline(bind(deps), job)
}

export function sweep(deps: Flat<sweeping.SweepDeps>, giveUp?: AbortSignal) {
  return sweeping.sweep(bind(deps), giveUp)
}

export function releaseParked(
  deps: Flat<ledgerRelease.ReleaseDeps>,
  releasing: Releasing,
  forMs?: number
) {
  return ledgerRelease.releaseParked(bind(deps), releasing, forMs)
}

type Operated<Deps> = Omit<Deps, 'advance'> & OperatorAdvanceDeps

function bindOperator<Deps extends OperatorAdvanceDeps>(deps: Deps) {
  return { ...deps, advance: createOperatorAdvance(deps) }
}

export function releaseByOperator(deps: Operated<ledgerRelease.ReleaseDeps>, releasing: Releasing) {
  return ledgerRelease.releaseParked(bindOperator(deps), releasing)
}

export function acceptQuarantined(
  deps: Operated<accept.AcceptDeps>,
  kept: Quarantined,
  by: string,
  force?: boolean
) {
  return accept.acceptQuarantined(bindOperator(deps), kept, by, force)
}

/** What the operator listener uses, but for its health. */
export type FlatOperatorDeps = Operated<
  create.CreateRequestDeps &
    requests.RequestsDeps &
    summary.SummaryDeps &
    stats.StatsDeps &
    audit.AuditRouteDeps &
    AuditDeps &
    explaining.ExplainDeps &
    changes.ChangeDeps &
    accept.AcceptDeps &
    Omit<quarantine.QuarantineDeps, 'accept'>
> &
  Pick<OperatorDeps, 'tokens' | 'unauthorized' | 'pages'> & {
    readonly events: Events
    readonly parts: readonly Operated<ledgerRelease.ReleaseDeps & ledgerRelease.CountDeps>[]
  }

export function operatorDepsOf(flat: FlatOperatorDeps): OperatorDeps {
  const deps = bindOperator(flat)
  const parts = flat.parts.map(bindOperator)
  return {
    create: deps,
    requests: deps,
    summary: deps,
    stats: deps,
    events: { feed: createEventFeed(flat.events, flat.log) },
    audit: deps,
    explain: deps,
    changes: deps,
    notifications: { parts, log: flat.log },
    quarantine: { ...deps, accept: deps },
    tokens: flat.tokens,
    unauthorized: flat.unauthorized,
    pages: flat.pages
  }
}

export function rehashAccounts(
  deps: Flat<reEncrypt.RehashDeps>,
  resealing: Pick<reEncrypt.ReEncryption, 'moveRefusal'>
) {
  return reEncrypt.rehashAccounts(bind(deps), resealing)
}

export type FlatWorkerDeps = FlatSendDeps &
  Flat<sweeping.SweepDeps & deadline.DeadlineDeps> &
  worker.WorkerDeps['watch'] &
  Omit<
    worker.WorkerDeps,
    'send' | 'callback' | 'deadline' | 'watch' | 'sweep' | 'releasesPerSecond'
  >

export function startWorker(flat: FlatWorkerDeps) {
  const deps = bind(flat)
  const { releasesPerSecond } = deps.policy
  const handlers = {
    send: bindSender(deps),
    callback: deps,
    deadline: deps,
    watch: deps,
    sweep: deps
  }
  return worker.startWorker({ ...deps, ...handlers, releasesPerSecond })
}

function writersOf(deps: Writer): store.LedgerWriters {
  return { small: deps, large: deps.large ?? deps }
}

export type FlatListenerDeps = Omit<callbackListener.CallbackListenerDeps, 'redis'> &
  Writing<redisStore.RedisStoreDeps>

export function buildCallbackListener(
  deps: FlatListenerDeps,
  settings: callbackListener.CallbackListenerSettings
) {
  const { ledger, canStore } = deps
  const redis = { ledger, canStore, writers: writersOf(deps) }
  return callbackListener.buildCallbackListener({ ...deps, redis }, settings)
}

export type FlatDrainDeps = Writing<drainSpool.DrainDeps>

export function startDraining(deps: FlatDrainDeps) {
  return drainSpool.startDraining({ ...deps, writers: writersOf(deps) })
}
