import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import { newCanary, newLane, type Operation } from '../../src/core/operations/operation.ts'
import { operationOfNotification } from '../../src/core/operations/of-notification.ts'
import { stop } from '../../src/core/operations/steer.ts'
import { BUILT_IN_POLICY } from '../../src/core/policy.ts'
import { bytes, ok, receive } from '../helpers/callbacks.ts'
import {
  advance,
  beginNotification,
  carryOnAll,
  carryOnce,
  carryOnNow,
  handleSend,
  sweep
} from '../helpers/handlers.ts'
import { openAdmin } from '../helpers/listeners.ts'
import { type Death, openMortal } from '../helpers/mortal.ts'
import { takeTime } from '../helpers/patience.ts'
import { askIn } from '../helpers/requests.ts'
import { openService, type Service } from '../helpers/service.ts'
import { jobOf, openWorker } from '../helpers/worker.ts'

takeTime(t)

// A process dies before and after each Redis command with which it carries an operation on. Another one goes on.

const policy = { ...BUILT_IN_POLICY, releasesPerSecond: 1000 }
const ANY = { service: null, code: null, reason: null, requestIds: null, by: 'ana' }
const BANK = 'btgpactual.cl'
const COUNT = 4

interface Row {
  readonly name: string
  readonly isCanary?: boolean
  readonly action?: 'cancel'
}

const ROWS: readonly Row[] = [
  { name: 'a release' },
  { name: 'a release behind its canary', isCanary: true },
  { name: 'a cancellation', action: 'cancel' }
]

async function begin(service: Service, { isCanary, action }: Row): Promise<Operation> {
  const at = await service.catalog.now()
  const bank = isCanary === true ? BANK : null
  const lanes = [newLane({ bank, part: 0, at, matched: COUNT })]
  const released = operationOfNotification(`op_${v7()}`, { ...ANY, at }, lanes)
  const canaries = isCanary === true ? [newCanary(BANK)] : []
  const operation = { ...released, canaries, ...(action && { action }) }
  await service.operations.create(operation, 0)
  return operation
}

async function park(service: Service): Promise<string[]> {
  const ids: string[] = []
  for (let count = 0; count < COUNT; count += 1) ids.push(await askIn(service, 'parked'))
  return ids
}

/** Lets the lease of a dead process lapse. */
async function lapse({ redis, tag }: Service, id: string): Promise<void> {
  await redis.zadd(`${tag}:operating`, 'XX', 0, id)
}

/** The canary is sent, and comes back with a result. */
async function answerCanary(service: Service, id: string): Promise<void> {
  const found = await service.operations.find(id)
  const canary = found?.operation.canaries[0]?.requestId ?? null
  if (canary === null) return
  const request = await service.catalog.find(canary)
  if (request?.state !== 'retry-scheduled') return
  await handleSend(openWorker(service).deps, await jobOf(service, canary))
  await receive(service, canary, ok(), 2)
  await advance(service, canary, (one) => one)
}

async function check(t: Test, service: Service, id: string, ids: readonly string[], where: string) {
  const found = await service.operations.find(id)
  t.match(found, { nextAt: null, operation: { state: 'done' } }, where)
  const lanes = found?.operation.lanes ?? []
  t.match(lanes, [{ done: COUNT, refused: 0, pending: [] }], where)
  for (const requestId of ids) {
    const request = await service.catalog.find(requestId)
    const own = request?.history.filter((event) => event['operation'] === id)
    t.equal(own?.length, 1, `${where}: changed once`)
  }
  const counts = await service.operations.settleItems(id, new Map())
  t.equal(counts.open, COUNT, `${where}: each is an item`)
}

for (const row of ROWS) {
  t.test(`${row.name} is carried on by another process, from wherever it died`, async (t) => {
    const service = await openService(t, { policy })
    const mortal = await openMortal(t, service)
    const die = async (death: Death): Promise<boolean> => {
      const ids = await park(service)
      const { id } = await begin(service, row)
      const where = `${death.side} command ${death.at}`
      const died = await mortal.live(death, async (_signal, jobs) => {
        const doomed = { ...mortal.service, jobs }
        // The second turn hears of the canary, and goes on.
        for (let turn = 0; turn < 3; turn += 1) {
          const claimed = await doomed.operations.claim(id)
          if (claimed !== null) await carryOnce(doomed, claimed)
          await answerCanary(service, id)
          await lapse(service, id)
        }
      })
      await lapse(service, id)
      while ((await service.operations.find(id))?.operation.endedAt === null) {
        await carryOnNow(service, id, { isOnce: true })
        await answerCanary(service, id)
        await lapse(service, id)
      }
      await check(t, service, id, ids, where)
      return died
    }
    let at = 0
    let died: boolean
    do {
      at += 1
      died = await die({ at, side: 'before' })
      died = (await die({ at, side: 'after' })) || died
    } while (died)
    t.ok(at > 5, `${at} commands`)
  })
}

t.test('a stop is carried out by another process', async (t) => {
  const service = await openService(t, { policy: { ...policy, releasesPerSecond: 1 } })
  const mortal = await openMortal(t, service)
  for (let at = 1; at < 12; at += 1) {
    for (let count = 0; count < 12; count += 1) await askIn(service, 'parked')
    const { id } = await begin(service, { name: '' })
    await mortal.live({ at, side: 'after' }, async (_signal, jobs) => {
      const doomed = { ...mortal.service, jobs }
      const claimed = await doomed.operations.claim(id)
      if (claimed !== null) await carryOnce(doomed, claimed)
    })
    await service.operations.change(id, stop, { afterMs: 0 })
    const begun = async () => (await service.catalog.totals()).live['retry-scheduled']
    await carryOnNow(service, id, { isOnce: true })
    const before = await begun()
    await lapse(service, id)
    await carryOnNow(service, id, { isOnce: true })
    t.equal(await begun(), before, 'nothing more begins')
    t.match((await service.operations.find(id))?.operation.state, /^stop/)
    await service.redis.del(`${service.tag}:pace`)
    const rest = await begin(service, { name: '', action: 'cancel' })
    await carryOnNow(service, rest.id)
  }
})

t.test(
  'a notification whose caller got no answer is repeated, and releases each once',
  async (t) => {
    const service = await openService(t, { policy })
    const mortal = await openMortal(t, service)
    let died = true
    for (let at = 1; died; at += 1) {
      const ids = await park(service)
      died = await mortal.live({ at, side: 'after' }, (_signal, jobs) =>
        beginNotification({ ...mortal.service, jobs }, `op_${v7()}`, ANY)
      )
      const again = `op_${v7()}`
      if (died) await beginNotification(service, again, ANY)
      for (const { operation, nextAt } of (await service.operations.list(null, 9)).items) {
        if (nextAt === null) continue
        await lapse(service, operation.id)
        await carryOnNow(service, operation.id)
      }
      for (const id of ids) {
        const request = await service.catalog.find(id)
        t.equal(request?.history.filter(({ event }) => event === 'released').length, 1)
      }
    }
  }
)

t.test('a notification that was recorded is carried out, even if nobody repeats it', async (t) => {
  const service = await openService(t, { policy })
  const mortal = await openMortal(t, service)
  const { redis, tag } = service
  for (let died = true, at = 1; died; at += 1) {
    const ids = await park(service)
    await redis.del(`${tag}:notifications`)
    died = await mortal.live({ at, side: 'after' }, (_signal, jobs) =>
      beginNotification({ ...mortal.service, jobs }, `op_${v7()}`, ANY)
    )
    const isRecorded = (await redis.exists(`${tag}:notifications`)) === 1
    const now = async () => (await service.catalog.now()) + 6_000
    await sweep({ ...service, catalog: { ...service.catalog, now } })
    t.same(await service.notifications.unfinished(Infinity), [])
    for (const id of await redis.zrange(`${tag}:operating`, '0', '-1')) await lapse(service, id)
    await carryOnAll(service)
    for (const id of ids) {
      const request = await service.catalog.find(id)
      const released = request?.history.filter(({ event }) => event === 'released') ?? []
      t.equal(released.length, isRecorded ? 1 : 0, `died after command ${at}`)
    }
    if (!isRecorded) await beginNotification(service, `op_${v7()}`, ANY)
  }
})

t.test(
  'a call whose caller got no answer is repeated with its key, and is one operation',
  async (t) => {
    const service = await openService(t, { policy })
    const mortal = await openMortal(t, service)
    const { address } = await openAdmin(t, mortal.service)
    const { post } = await openAdmin(t, service)
    await park(service)
    const call = (url: string, key: string, signal: AbortSignal) =>
      fetch(`${url}/v1/operations`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer token-of-ana',
          'content-type': 'application/json',
          'idempotency-key': key
        },
        body: bytes({ action: 'cancel', all: true }),
        signal
      })
    let died = true
    for (let at = 1; died; at += 1) {
      const key = `key-${at}`
      died = await mortal.live({ at, side: 'after' }, (signal) => call(address, key, signal))
      const again = await post(
        '/v1/operations',
        { action: 'cancel', all: true },
        { 'idempotency-key': key }
      )
      t.equal(again.status, 202)
      t.equal((await service.operations.list(null, 99)).items.length, at, 'one for each key')
    }
  }
)
