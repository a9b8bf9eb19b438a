import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { STATES } from '../../../src/core/request.ts'
import { bytes, error, ok, receive } from '../../helpers/callbacks.ts'
import { ask, askIn } from '../../helpers/requests.ts'
import { DAY, type Service } from '../../helpers/service.ts'
import { openWorker } from '../../helpers/worker.ts'
import { earlier, earlierKey, readKeys, type StoredKey } from './keys.ts'
import { openStored, WITHIN } from './stored.ts'
import { advance, handleSend } from '../../helpers/handlers.ts'

// `STORE=1 npm test -- test/integration/upgrade/store.test.ts` writes what this version leaves behind, once per release.
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

t.test('a ledger with one of everything can be written down', async (t) => {
  const service = await openStored(t)
  const named = new Map<string, string>()
  for (const state of STATES) {
    named.set(state, await askIn(service, state, { reference: WITHIN.reference }))
  }
  const unread = await askIn(service, 'awaiting-callback')
  await receive(service, unread, ok())
  named.set('with an unread callback', unread)

  const unpublished = await askIn(service, 'awaiting-callback')
  await receive(service, unpublished, ok())
  const publish = () => Promise.reject(new Error('the process died'))
  const dying = { ...service, jobs: { ...service.jobs, publish } }
  await t.rejects(advance(dying, unpublished, (request) => request))
  named.set('with an unpublished result', unpublished)

  const published = await askIn(service, 'awaiting-callback')
  await receive(service, published, ok())
  await advance(service, published, (request) => request)
  await receive(service, published, ok({ OperationId: 'another' }))
  await advance(service, published, (request) => request)
  named.set('with a conflict in quarantine', published)

  const { deps } = openWorker(service)
  const input = { RequestData: { AccountNumber: WITHIN.account } }
  const [first, second] = [
    await ask(service, { turns: true, input }),
    await ask(service, { turns: true, input })
  ]
  await handleSend(deps, { requestId: first, at: 0 })
  await handleSend(deps, { requestId: second, at: 0 })
  named.set('on its way', first).set('waiting for its turn', second)

  const refused = await ask(service, {
    turns: true,
    input: {
      RequestData: { AccountNumber: '1', AccountCredential: { Password: 'secret-of-the-bank' } }
    }
  })
  await handleSend(deps, { requestId: refused, at: 0 })
  await receive(service, refused, error('RETRY_IMMEDIATELY', 'E101'))
  await advance(service, refused, (request) => request)
  named.set('whose log-on was refused', refused)

  const from = { requestId: first, attempt: 1 }
  await service.quarantine.keep(from, 'not-json', [], WITHIN.notJson)
  const reservation = { requestId: first, fingerprint: bytes('fingerprint') }
  await service.idempotency.reserve('erp', WITHIN.idempotencyKey, reservation)
  const none = { service: null, code: null, reason: null, requestIds: [first] }
  await service.notifications.record(none)

  const keys = await readKeys(service.redis, service.tag)
  const kinds = new Set(keys.map(({ name }) => name.split(':')[0]))
  for (const kind of [
    'request',
    'callbacks',
    'bodies',
    'quarantine',
    'turn',
    'waiting',
    'refused'
  ]) {
    t.ok(kinds.has(kind), kind)
  }
  if (process.env['STORE'] === '1') await write(service, named, keys)
})

/** Long past all that the policy waits for, so that a reader finds everything overdue whenever it reads. */
const AGE_MS = 100 * DAY

async function write(
  { catalog }: Service,
  named: ReadonlyMap<string, string>,
  keys: readonly StoredKey[]
): Promise<void> {
  const requests: Record<string, unknown> = {}
  for (const [name, id] of named) requests[name] = await catalog.find(id)
  const aged = {
    version,
    requests: JSON.parse(earlier(JSON.stringify(requests), AGE_MS)),
    keys: keys.map((key) => earlierKey(key, AGE_MS))
  }
  writeFileSync(
    `test/integration/upgrade/stored-${version}.json`,
    `${JSON.stringify(aged, null, 1)}\n`
  )
}
