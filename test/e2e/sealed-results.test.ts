import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { openResult, parseResultKeys } from '../../docs/reference/open-result.js'
import { check } from '../../src/schemas/validate.ts'
import { dump, keysThatShow } from '../helpers/dump.ts'
import { entryPoint } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { ask, resultsOf, startWorld } from '../helpers/world.ts'

t.test('with SEAL_RESULTS no result is in Redis but sealed, the late one too', async (t) => {
  const world = await startWorld(t, {
    khipu: { callbackDelayMs: 20, slowDelayMs: 200 },
    env: { SEAL_RESULTS: 'true' }
  })
  const service = await world.start()
  const account = `1301-${randomBytes(7).toString('hex')}`
  const lateAccount = `1704-${randomBytes(7).toString('hex')}`
  const requestId = await ask(service, account, { reference: 'early' })
  const lateId = await ask(service, lateAccount, { reference: 'late' })

  const { quarantineId } = await until('the late result is kept', async () => {
    const { body } = await service.api<Kept>('GET', '/v1/quarantine?limit=200')
    return body.items.find((item) => item.requestId === lateId)
  })
  await service.api('POST', `/v1/quarantine/${quarantineId}/accept`)
  const ids = [requestId, lateId, `${lateId}-late`]
  const jobs = await resultsOf(world, ids)

  const printed = execFileSync(process.execPath, [entryPoint('commands/result-keys')], {
    env: { SECRET_KEYS: world.env['SECRET_KEYS'] }
  })
  const keys = parseResultKeys(String(printed))
  for (const id of ids) {
    const job = jobs.get(id)
    t.match(check('sealed-result', job?.data), { valid: true })
    const opened = openResult(Object(job), keys, { sealedOnly: true })
    t.match(check('result', opened), { valid: true })
    t.match(opened, { requestId: id.replace('-late', ''), outcome: job?.name })
  }
  const shown = JSON.stringify(ids.map((id) => openResult(Object(jobs.get(id)), keys)))
  const dumped = await dump(world.client, world.env['QUEUE_PREFIX'] ?? '-')
  for (const secret of [account, lateAccount]) {
    t.ok(shown.includes(secret), 'a good canary')
    t.same(keysThatShow(dumped, secret), [])
  }
})

interface Kept {
  readonly items: readonly { readonly requestId: string; readonly quarantineId: string }[]
}
