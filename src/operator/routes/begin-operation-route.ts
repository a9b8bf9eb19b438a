import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { isOnEntries } from '../../core/operations/members.ts'
import { defaultCanary } from '../../core/operations/of-notification.ts'
import { type Operation, sends } from '../../core/operations/operation.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Scope } from '../../config/secrets.ts'
import type { OperationBody, OperationPreview } from '../../schemas/generated.ts'
import { beginOperation, type BeginDeps } from '../operations/begin-operation.ts'
import { byBank, type CountedSelection, countSelection } from '../operations/count-selection.ts'
import { readSelection } from '../operations/read-selection.ts'
import { lookAt, type LookDeps } from '../operations/view-operation.ts'
import { OperatorError, type ProblemCode } from '../problem.ts'
import { idempotencyHeader, reserveId, type ReserveDeps } from './reserve-key.ts'
import { ref } from '../route-schemas.ts'
import { isWithin } from '../scopes.ts'

export interface BeginRouteDeps {
  readonly begin: BeginDeps
  readonly reserve: ReserveDeps
  readonly look: LookDeps
  readonly catalog: Pick<Lookup, 'now'>
  readonly log: Logger
}

/** What the call answers besides what any call does. */
const PROBLEMS: readonly ProblemCode[] = [
  'invalid-idempotency-key',
  'idempotency-key-reused',
  'selection-required',
  'filter-not-supported',
  'state-forbids',
  'selection-changed'
]

type Ask = FastifyRequest<{ Body: OperationBody }>

/** `POST /v1/operations`: begins an operation, or counts what it would take. */
export async function beginOperationRoute(
  app: FastifyInstance,
  deps: BeginRouteDeps
): Promise<void> {
  app.post<{ Body: OperationBody }>(
    '/operations',
    {
      config: { scope: 'write', audit: 'operation-begun', problems: PROBLEMS },
      schema: {
        operationId: 'beginOperation',
        tags: ['operations'],
        summary:
          'Release, retry or cancel everything that matches, or accept or discard kept bodies',
        headers: idempotencyHeader('operation'),
        body: ref('operation-body'),
        response: { 200: ref('operation-preview'), 202: ref('operation-view') }
      }
    },
    (request, reply) => begin(deps, request, reply)
  )
}

async function begin(deps: BeginRouteDeps, request: Ask, reply: FastifyReply) {
  const { body } = request
  request.audited = { isDry: body.dryRun ?? false }
  if (body.dryRun === true) return previewOperation(deps, request, body)
  const id = await orderOperation(deps, request, body)
  request.audited = { target: id, detail: body.action }
  return reply
    .code(202)
    .header('location', `/v1/operations/${id}`)
    .send(await lookAt(deps.look, id))
}

/** What an operation would take, and what it may cost. */
export async function previewOperation(
  deps: BeginRouteDeps,
  request: FastifyRequest,
  body: OperationBody
): Promise<OperationPreview> {
  checkScope(request.scope, body)
  const asked = await askedBy(deps, body)
  return previewOf(asked, await countSelection(deps.begin.parts, asked), body.limit)
}

/** Begins an operation, or finds the one that was begun with the same key. Returns its id. */
export async function orderOperation(
  deps: BeginRouteDeps,
  request: FastifyRequest,
  body: OperationBody
): Promise<string> {
  const { caller } = request
  checkScope(request.scope, body)
  const asked = await askedBy(deps, body)
  const { action, selection } = asked
  const id = await reserveId(deps.reserve, request, body, `op_${uuidv7()}`)
  if ((await deps.look.operations.find(id)) !== null) return id
  const counted = await countSelection(deps.begin.parts, asked)
  checkExpected(body, counted)
  const { filter = null, note = null, pace = null, limit = null, force = false } = body
  const canary = sends(asked) ? (body.canary ?? defaultCanary(selection)) : ('none' as const)
  const ordered = { ...asked, id, by: caller, force, filter, note, pace, limit, canary }
  await deps.reserve.replicas.reached(() => beginOperation(deps.begin, ordered, counted))
  const { matched } = counted
  deps.log.info({ operation: id, action, by: caller, matched }, 'operation begun')
  return id
}

async function askedBy({ catalog }: BeginRouteDeps, body: OperationBody) {
  const { action, early = false } = body
  const now = body.filter?.olderThan === undefined ? 0 : await catalog.now()
  return { action, selection: readSelection(body, now), early }
}

function checkScope(scope: Scope, body: OperationBody): void {
  const isAdmins = isOnEntries(body) || body.early === true
  if (isAdmins && !isWithin('admin', scope))
    throw new OperatorError(
      'scope-too-narrow',
      `needs a token of the scope 'admin'; this one has '${scope}'`
    )
}

function checkExpected({ expected }: OperationBody, { matched }: CountedSelection): void {
  if (expected === undefined || expected === matched) return
  const detail = `${expected} were expected, and ${matched} match now`
  throw new OperatorError('selection-changed', detail)
}

function previewOf(asked: Pick<Operation, 'action'>, counted: CountedSelection, limit = Infinity) {
  const { matched, notAllowed } = counted
  const costsAtMost = sends(asked) ? Math.min(limit, matched - (notAllowed ?? 0)) : 0
  return { matched, byBank: byBank(counted), costsAtMost, notAllowed }
}
