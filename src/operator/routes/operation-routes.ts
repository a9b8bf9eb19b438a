import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Operation } from '../../core/operations/operation.ts'
import { continueHeld, stop } from '../../core/operations/steer.ts'
import type { Cursors } from '../../crypto/signed-cursor.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Operations } from '../../ledger/operations/operations.ts'
import type { ContinueBody, OperationList } from '../../schemas/generated.ts'
import { listOperations } from '../operations/list-operations.ts'
import { findOperation, lookAt } from '../operations/view-operation.ts'
import { OperatorError } from '../problem.ts'
import { OPERATIONS_QUERY } from '../query-schemas.ts'
import { answers, OPERATION_ID, ref } from '../route-schemas.ts'
import { readCursor } from '../validation.ts'

export interface OperationsDeps {
  readonly operations: Operations
  readonly catalog: Pick<Lookup, 'find'>
  readonly cursors: Cursors
  readonly log: Logger
}

interface OperationsQuery {
  readonly state?: string
  readonly limit?: number
  readonly cursor?: string
}

type ById = { Params: { op: string } }

const ONE = { tags: ['operations'], params: OPERATION_ID } as const

/** `/v1/operations`: shows, lists, stops and continues operations. */
export async function operationRoutes(app: FastifyInstance, deps: OperationsDeps): Promise<void> {
  lookRoutes(app, deps)
  app.post<ById>(
    '/operations/:op/stop',
    {
      config: {
        scope: 'write',
        audit: 'operation-stopped',
        problems: ['unknown-operation', 'operation-ended']
      },
      schema: {
        operationId: 'stopOperation',
        ...ONE,
        summary: 'Begin nothing more of an operation',
        ...answers(202, 'operation-view')
      }
    },
    async (request, reply) => {
      const { params, caller } = request
      request.audited = { target: params.op }
      await stopOperation(deps, caller, params.op)
      return reply.code(202).send(await lookAt(deps, params.op))
    }
  )
  continueRoute(app, deps)
}

function continueRoute(app: FastifyInstance, deps: OperationsDeps): void {
  app.post<ById & { Body: ContinueBody }>(
    '/operations/:op/continue',
    {
      config: {
        scope: 'write',
        audit: 'operation-continued',
        problems: ['unknown-operation', 'operation-ended', 'state-forbids']
      },
      schema: {
        operationId: 'continueOperation',
        ...ONE,
        summary: 'Let held requests of an operation go on',
        body: ref('continue-body'),
        ...answers(202, 'operation-view')
      }
    },
    async (request, reply) => {
      const { params, body, caller } = request
      request.audited = { target: params.op }
      await continueOperation(deps, caller, params.op, body)
      return reply.code(202).send(await lookAt(deps, params.op))
    }
  )
}

function lookRoutes(app: FastifyInstance, deps: OperationsDeps): void {
  app.get<ById>(
    '/operations/:op',
    {
      config: { scope: 'read', problems: ['unknown-operation'] },
      schema: {
        operationId: 'getOperation',
        ...ONE,
        summary: 'Look at an operation',
        ...answers(200, 'operation-view')
      }
    },
    ({ params }) => lookAt(deps, params.op)
  )
  app.get<{ Querystring: OperationsQuery }>(
    '/operations',
    {
      config: { scope: 'read', problems: ['unknown-cursor'] },
      schema: {
        operationId: 'listOperations',
        tags: ['operations'],
        summary: 'List operations, newest first',
        querystring: OPERATIONS_QUERY,
        ...answers(200, 'operation-list')
      }
    },
    ({ query }) => readOperations(deps, query)
  )
}

/** A page of the operations that a query asks for, newest first. */
export async function readOperations(
  deps: OperationsDeps,
  { state, limit = 50, cursor }: OperationsQuery
): Promise<OperationList> {
  const list = ['operations', state ?? null]
  const before = readCursor(deps.cursors, list, cursor)
  const { items, next } = await listOperations(deps, { state, limit, before })
  return { items: [...items], nextCursor: next === null ? null : deps.cursors.make(list, next) }
}

/** Stops an operation: nothing more begins. */
export async function stopOperation(deps: OperationsDeps, by: string, id: string): Promise<void> {
  await change(deps, id, stop, ({ state }) => state === 'stopping')
  deps.log.info({ operation: id, by }, 'operation stopped')
}

/** Lets held requests of an operation go on. */
export async function continueOperation(
  deps: OperationsDeps,
  by: string,
  id: string,
  which: ContinueBody
): Promise<void> {
  await change(deps, id, (operation) => continueHeld(operation, which))
  deps.log.info({ operation: id, by, ...which }, 'operation continued')
}

/** Changes an operation, which a worker then carries on at once. */
async function change(
  deps: OperationsDeps,
  id: string,
  step: (operation: Operation) => Operation,
  isSo: (operation: Operation) => boolean = () => false
): Promise<void> {
  const { operation } = await findOperation(deps, id)
  if (isSo(operation)) return
  if (step(operation) === operation) {
    throw operation.endedAt === null
      ? new OperatorError('state-forbids', 'nothing is held that this names')
      : new OperatorError('operation-ended', `the operation is '${operation.state}'`)
  }
  await deps.operations.change(id, step, { afterMs: 0 })
}
