import t from 'tap'
import { placeOf } from '../../../src/core/placement.ts'
import type { OperationView } from '../../../src/schemas/generated.ts'
import { carryOnDue } from '../../../src/worker/watch-operations.ts'
import { error, ok, receive } from '../../helpers/callbacks.ts'
import { advance, handleSend } from '../../helpers/handlers.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import type { Service } from '../../helpers/service.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'

// Each part of the ledger knows only the refusals of its own requests. An operation knows of all of them.

/** Ten accounts with one password, in two parts of the ledger, each of which knows that it was refused. */
async function openRefused(t: Parameters<typeof openServerService>[0]) {
  const service = await openServerService(t, { partitions: 2 })
  const policy = { ...service.policy, releasesPerSecond: 1e6 }
  const parts = service.parts.map((part) => ({ ...part, policy, pace: part.notifications }))
  const admin = await openAdmin(t, { ...service, ...service.all, parts })
  const at = (requestId: string): Service => ({
    ...service,
    ...service.parts[placeOf(requestId, 2)],
    policy
  })
  const sends: string[] = []
  const send = async (requestId: string) => {
    const worker = openWorker(at(requestId))
    await handleSend(worker.deps, await jobOf(at(requestId), requestId))
    if (worker.sends.length > 0) sends.push(requestId)
  }
  const answer = async (requestId: string, envelope: object) => {
    const own = at(requestId)
    const attempts = (await own.catalog.find(requestId))?.attempts.length ?? 0
    await receive(own, requestId, envelope, attempts)
    await advance(own, requestId, (request) => request)
  }
  const ids: string[] = []
  const inBoth = () => new Set(ids.map((id) => placeOf(id, 2))).size === 2
  for (let number = 1; ids.length < 10 || !inBoth(); number += 1) {
    const RequestData = { AccountNumber: `${number}`, AccountCredential: { Password: 'wrong' } }
    const { json } = await admin.post('/v1/requests', { RequestData })
    ids.push(String(Object(json).requestId))
  }
  // The first of each part finds out; the others park without a POST.
  for (const part of [0, 1]) {
    const own = ids.filter((id) => placeOf(id, 2) === part)
    await send(own[0] ?? '')
    await answer(own[0] ?? '', error(undefined, 'E101'))
    for (const id of own.slice(1)) await send(id)
  }
  sends.length = 0
  const { operations, catalog } = service.all
  const judge = async () => 'passed' as const
  const turn = async (id: string) => {
    for (const { tag } of parts) await service.redis.zadd(`${tag}:operating`, 'XX', 0, id)
    const { log } = service
    await carryOnDue({ parts, find: catalog.find, operations, judge, operated: () => {}, log })
  }
  const states = async () => {
    const requests = await Promise.all(ids.map((id) => service.all.catalog.find(id)))
    return requests.map((request) => `${request?.state} ${request?.reason ?? ''}`.trim())
  }
  const begin = async (body: object) =>
    (await admin.post('/v1/operations', body)).json as OperationView
  return { ...admin, begin, ids, sends, send, answer, turn, states }
}

/** Sends what is due, until nothing more is sent. */
async function workOff({ ids, send, states }: Awaited<ReturnType<typeof openRefused>>) {
  const due = await states()
  for (const [index, id] of ids.entries()) {
    if (due[index]?.startsWith('retry-scheduled') || due[index]?.startsWith('queued'))
      await send(id)
  }
}

t.test('a refused password that two parts know of is tried once more, not twice', async (t) => {
  const world = await openRefused(t)
  const { begin, post, get, ids, sends, answer, turn, states } = world
  t.same(new Set(await states()), new Set(['parked credentials']))
  const filter = { reason: ['credentials'] }
  const begun = await begin({ action: 'release', filter, expected: ids.length })
  const { operation } = begun
  t.match(begun, { canary: 'none', matched: ids.length })
  await turn(operation)
  await workOff(world)
  t.equal(sends.length, 1)
  const [probe = ''] = sends
  await answer(probe, error('DO_NOT_RETRY', 'E101'))
  await turn(operation)
  await workOff(world)
  await turn(operation)
  await workOff(world)
  t.equal(sends.length, 1, 'one POST in all')
  const view = (await get(`/v1/operations/${operation}`)).json as OperationView
  const other = ids.filter((id) => placeOf(id, 2) !== placeOf(probe, 2))
  const because = { requestId: probe, code: 'E101' }
  t.match(view, { state: 'done', done: ids.length - other.length, skipped: 0 })
  t.match(view.held, [{ bank: 'btgpactual.cl', requests: other.length, because }])

  t.test('continue tries it once more', async (t) => {
    const credentials = view.held[0]?.credentials
    const path = `/v1/operations/${operation}/continue`
    t.match(await post(path, { credentials }), { status: 202, json: { state: 'running' } })
    await turn(operation)
    await workOff(world)
    t.equal(sends.length, 2)
  })
})

t.test('once the password works in one part, the other one follows', async (t) => {
  const world = await openRefused(t)
  const { begin, ids, sends, answer, turn } = world
  const { operation } = await begin({ action: 'release', all: true, canary: 'none' })
  await turn(operation)
  await workOff(world)
  const [probe = ''] = sends
  const part = placeOf(probe, 2)
  await answer(probe, ok())
  await turn(operation)
  await workOff(world)
  const others = sends.filter((id) => placeOf(id, 2) !== part)
  t.equal(others.length, 1, 'one goes first there as well')
  await answer(others[0] ?? '', ok())
  await workOff(world)
  t.same(new Set(sends), new Set(ids))
})
