import { setTimeout as pause } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
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
import type { OperatorDeps } from '../../src/operator/routes/api-routes.ts'
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
import type { Notification } from '../../src/core/notification.ts'
import { newLane, type Operation } from '../../src/core/operations/operation.ts'
import { operationOfNotification } from '../../src/core/operations/of-notification.ts'
import { carryOn, type OperatedPart } from '../../src/ledger/operations/carry-on.ts'
import type { Claimed, Operations } from '../../src/ledger/operations/operations.ts'
import type { Catalog } from '../../src/ledger/queries.ts'
import type { Notifications, Releasing } from '../../src/ledger/releases/notifications.ts'
import * as begin from '../../src/operator/operations/begin-operation.ts'
import { createJudge } from '../../src/operator/operations/judge-entry.ts'
import type * as operating from '../../src/operator/routes/operation-routes.ts'
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

/** What releases use: the service itself is the only part of the ledger. */
export type ReleaseDeps = Operated<
  Omit<OperatedPart, 'pace'> & Omit<accept.AcceptDeps, 'catalog'>
> & {
  readonly operations: Operations
  readonly notifications: Notifications
  readonly catalog: Pick<Catalog, 'find'>
}

/** Begins the operation that a notification makes. */
export async function beginRelease(
  { operations }: Pick<ReleaseDeps, 'operations'>,
  releasing: Releasing
): Promise<Operation> {
  const { notification } = releasing
  const lane = newLane({ bank: null, part: 0, at: notification.at, matched: 0 })
  const operation = operationOfNotification(`op_${uuidv7()}`, notification, [lane])
  await operations.create(operation, 0, [releasing])
  return operation
}

/** One turn of an operation, whoever else is at it. */
export function carryOnce(deps: ReleaseDeps, claimed: Claimed, own = createAdvance(deps)) {
  const part = { ...deps, advance: own, pace: deps.notifications }
  const find = (requestId: string) => deps.catalog.find(requestId)
  const judge = createJudge({ ...deps, advance: createOperatorAdvance(deps) })
  return carryOn({ operations: deps.operations, parts: [part], find, judge }, claimed, 0)
}

/**
 * Carries an operation on until it has ended, or for one turn; waits while another process has its lease. Returns how
 * many requests it has changed.
 */
export async function carryOnNow(
  deps: ReleaseDeps,
  id: string,
  { isOnce = false, advance: own = createAdvance(deps), wait = () => pause(20) } = {}
): Promise<number> {
  for (;;) {
    const claimed = await deps.operations.claim(id)
    const turned = claimed && (await carryOnce(deps, claimed, own))
    const operation = turned ?? (await deps.operations.find(id))?.operation
    const isEnded = operation?.endedAt !== null
    if (isEnded || (isOnce && turned !== null))
      return (operation?.lanes ?? []).reduce((sum, { done }) => sum + done, 0)
    await wait()
  }
}

/** Carries all operations on for as long as one is due. */
export async function carryOnAll(deps: ReleaseDeps): Promise<void> {
  for (;;) {
    const claimed = await deps.operations.claim()
    if (claimed === null) return
    await carryOnce(deps, claimed)
  }
}

/** How many parked requests a notification concerns. */
export function countNotified(deps: ReleaseDeps, asked: Omit<Notification, 'at'>): Promise<number> {
  const part = { ...deps, advance: createAdvance(deps), pace: deps.notifications }
  return begin.countNotified({ parts: [part] }, asked)
}

/** Begins a notification, as the operator's call does. */
export function beginNotification(
  deps: ReleaseDeps,
  id: string,
  asked: Omit<Notification, 'at'>
): Promise<number> {
  const part = { ...deps, advance: createOperatorAdvance(deps), pace: deps.notifications }
  const judge = createJudge(part)
  const find = (requestId: string) => deps.catalog.find(requestId)
  return begin.beginNotification({ ...deps, parts: [part], find, judge }, id, asked)
}

/** Releases what a notification concerns, without regard to the pace. */
export async function releaseParked(deps: ReleaseDeps, releasing: Releasing): Promise<number> {
  const { id } = await beginRelease(deps, releasing)
  return carryOnNow(deps, id)
}

type Operated<Deps> = Omit<Deps, 'advance'> & OperatorAdvanceDeps

function bindOperator<Deps extends OperatorAdvanceDeps>(deps: Deps) {
  return { ...deps, advance: createOperatorAdvance(deps) }
}

export async function releaseByOperator(
  deps: ReleaseDeps & OperatorAdvanceDeps,
  releasing: Releasing,
  wait?: () => Promise<void>
): Promise<number> {
  const { id } = await beginRelease(deps, releasing)
  return carryOnNow(deps, id, { advance: createOperatorAdvance(deps), ...(wait && { wait }) })
}

export function acceptQuarantined(
  deps: Operated<accept.AcceptDeps>,
  kept: Quarantined,
  by: string,
  force = false
) {
  return accept.acceptQuarantined(bindOperator(deps), kept, by, { force })
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
    readonly parts: readonly Operated<
      Omit<begin.BeginDeps['parts'][number], 'pace'> & { readonly notifications: Notifications }
    >[]
    readonly operations: operating.OperationsDeps['operations']
  }

export function operatorDepsOf(flat: FlatOperatorDeps): OperatorDeps {
  const deps = bindOperator(flat)
  const parts = flat.parts.map((part) => ({ ...bindOperator(part), pace: part.notifications }))
  const { operations, catalog } = flat
  const beginning = { operations, parts, find: catalog.find, judge: createJudge(deps) }
  return {
    create: deps,
    requests: deps,
    summary: deps,
    stats: deps,
    events: { feed: createEventFeed(flat.events, flat.log) },
    audit: deps,
    explain: deps,
    changes: deps,
    notifications: { begin: beginning, log: flat.log },
    beginOperation: { ...deps, begin: beginning, reserve: deps, look: deps },
    operations: deps,
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
    'send' | 'callback' | 'deadline' | 'watch' | 'operate' | 'sweep' | 'releasesPerSecond'
  > &
  ReleaseDeps

export function startWorker(flat: FlatWorkerDeps) {
  const deps = bind(flat)
  const { releasesPerSecond } = deps.policy
  const handlers = {
    send: bindSender(deps),
    callback: deps,
    deadline: deps,
    watch: deps,
    operate: {
      ...deps,
      parts: [{ ...deps, pace: deps.notifications }],
      find: deps.catalog.find,
      operated: () => {},
      judge: createJudge({ ...deps, advance: createOperatorAdvance(flat) })
    },
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
