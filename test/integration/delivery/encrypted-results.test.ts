import { Queue } from 'bullmq'
import t from 'tap'
import { openResult, parseResultKeys } from '../../../docs/reference/open-result.js'
import { startConsumer } from '../../../simulator/consumer.ts'
import type { Request } from '../../../src/core/request.ts'
import { deriveKey } from '../../../src/crypto/derive-key.ts'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import { composeInline } from '../../../src/delivery/compose-result.ts'
import type { Result } from '../../../src/schemas/generated.ts'
import { check } from '../../../src/schemas/validate.ts'
import { ok, resultsOf } from '../../helpers/callbacks.ts'
import { dump, keysThatShow } from '../../helpers/dump.ts'
import { askIn } from '../../helpers/requests.ts'
import { jobsOf, openService, secretKey, type Service } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

const CANARY = 'CANARY-of-an-account'
const NUMBERS = '[12345678901234567890,-0.12345678901234567890,1e400,7]'
const BODY = Buffer.from(
  JSON.stringify(ok({ Data: { AccountId: CANARY, Numbers: '?' } })).replace('"?"', NUMBERS)
)

const k1 = secretKey('k1')
const k2 = secretKey('k2')
type Keys = Parameters<typeof createCipher>[0]

/** RESULT_KEYS, as `npm run result-keys` prints it. */
const resultKeys = (keys: Keys) =>
  keys.map(({ kid, bytes }) => `${kid}:${deriveKey(bytes, 'result').toString('base64')}`).join()

/** The jobs of a service with SEAL_RESULTS. */
const sealing = (service: Service, keys: Keys) =>
  jobsOf(service, service.log, { compose: composeInline(createCipher(keys, 'result').encrypt) })

async function delivered(service: Service): Promise<Request> {
  const request = await service.catalog.find(await askIn(service, 'delivered'))
  if (request === null) throw new Error('there is no such request')
  return request
}

/** The text of a job's data, byte for byte as it is in Redis. */
const textOf = ({ redis, queuePrefix }: Service, jobId: string) =>
  redis.hget(`${queuePrefix}:khipu-results:${jobId}`, 'data')

t.test(
  'a sealed result shows nothing of itself in Redis, and opens as the plain one',
  async (t) => {
    const service = await openService(t)
    const request = await delivered(service)
    const { requestId } = request
    await sealing(service, [k1]).publish(request, async () => BODY)
    const [sealed] = await resultsOf(service)
    t.match(sealed, { id: requestId, name: 'delivered' })
    t.same(Object.keys(sealed?.data ?? {}), ['requestId', 'sealed'])
    t.match(check('sealed-result', sealed?.data), { valid: true })
    const dumped = await dump(service.redis, `${service.queuePrefix}:khipu-results`)
    t.ok(dumped.size > 1)
    t.same(keysThatShow(dumped, CANARY), [])
    t.same(keysThatShow(dumped, '12345678901234567890'), [])

    const plain = await openService(t)
    await plain.jobs.publish(request, async () => BODY)
    const [unsealed] = await resultsOf(plain)
    const keys = parseResultKeys(resultKeys([k1]))
    t.strictSame(openResult(Object(sealed), keys), unsealed?.data)
    t.ok(
      keysThatShow(await dump(plain.redis, plain.queuePrefix), CANARY).length > 0,
      'a good canary'
    )
    const text = createCipher([k1], 'result').decrypt(
      Buffer.from(String(sealed?.data['sealed']), 'base64'),
      requestId
    )
    t.equal(text.toString(), await textOf(plain, requestId), 'its very text, number for number')
    t.match(text.toString(), NUMBERS)
  }
)

t.test('it has the options of a plain one, and is there once', async (t) => {
  const service = await openService(t)
  const request = await delivered(service)
  const jobs = sealing(service, [k1])
  await jobs.publish(request, async () => BODY)
  const before = await textOf(service, request.requestId)
  await jobs.publish(request, async () => BODY)
  t.equal(await textOf(service, request.requestId), before)
  const [sealed, ...others] = await service.resultQueue.getJobs()
  t.same(others, [])
  const plain = await openService(t)
  await plain.jobs.publish(request, async () => BODY)
  const [unsealed] = await plain.resultQueue.getJobs()
  t.same(sealed?.opts, unsealed?.opts)
})

t.test('after a rotation consumers open what either key has sealed', async (t) => {
  const service = await openService(t)
  const [old, young] = [await delivered(service), await delivered(service)]
  await sealing(service, [k1]).publish(old, async () => BODY)
  await sealing(service, [k2, k1]).publish(young, async () => BODY)
  const jobs = await resultsOf(service)
  t.equal(jobs.length, 2)
  for (const job of jobs) {
    const opened = openResult(job, parseResultKeys(resultKeys([k2, k1])))
    t.match(opened, { requestId: job.id, response: { Data: { AccountId: CANARY } } })
  }
  const alone = parseResultKeys(resultKeys([k2]))
  const byYoung = jobs.filter((job) => {
    try {
      return openResult(job, alone)
    } catch {
      return false
    }
  })
  t.same(
    byYoung.map(({ id }) => id),
    [young.requestId]
  )
})

t.test('a late result is sealed too, and neither opens in the place of the other', async (t) => {
  const service = await openService(t)
  const request = await delivered(service)
  const jobs = sealing(service, [k1])
  const plain = await openService(t)
  await plain.jobs.publish(request, async () => BODY)
  const [unsealed] = await resultsOf(plain)
  await jobs.publish(request, async () => BODY)
  const { response: _, ...head } = Object(unsealed?.data) as Result
  await jobs.publishLate(head, BODY)
  const results = await resultsOf(service)
  const late = results.find(({ id }) => id.endsWith('-late'))
  const first = results.find(({ id }) => id === request.requestId)
  const keys = parseResultKeys(resultKeys([k1]))
  t.equal(late?.id, `${request.requestId}-late`)
  t.strictSame(openResult(Object(late), keys), unsealed?.data)
  t.throws(() => openResult({ ...Object(late), id: first?.id }, keys), { message: /altered/ })
  t.throws(() => openResult({ ...Object(first), id: late?.id }, keys), { message: /altered/ })
})

t.test('off by default', async (t) => {
  const service = await openService(t)
  const request = await delivered(service)
  await jobsOf(service, service.log).publish(request, async () => BODY)
  const [result] = await resultsOf(service)
  t.match(check('result', result?.data), { valid: true })
  t.notOk(Object.hasOwn(Object(result?.data), 'sealed'))
})

t.test('the simulated consumer, written from the words alone, opens both kinds', async (t) => {
  const service = await openService(t)
  const [plain, sealed] = [await delivered(service), await delivered(service)]
  await service.jobs.publish(plain, async () => BODY)
  await sealing(service, [k2, k1]).publish(sealed, async () => BODY)
  const consumer = startConsumer({
    redisUrl: service.url,
    prefix: service.queuePrefix,
    resultKeys: resultKeys([k1, k2]),
    log: () => {}
  })
  t.teardown(() => consumer.close())
  await until('both came', () => consumer.results.length === 2)
  const [one, other] = consumer.results
  t.same(one?.response, other?.response)
  t.same(
    new Set(consumer.results.map(({ requestId }) => requestId)),
    new Set([plain.requestId, sealed.requestId])
  )
})

t.test('a consumer that lacks the key takes nothing, and the job is tried again', async (t) => {
  const service = await openService(t)
  const request = await delivered(service)
  await sealing(service, [k1]).publish(request, async () => BODY)
  const lines: string[] = []
  const consumer = startConsumer({
    redisUrl: service.url,
    prefix: service.queuePrefix,
    resultKeys: resultKeys([k2]),
    log: (line) => lines.push(line)
  })
  t.teardown(() => consumer.close())
  await until('it has said so', () => lines.length > 0)
  t.match(lines[0], /encrypted with a key that is not in RESULT_KEYS/)
  t.same(consumer.results, [])
  const connection = { url: service.url, maxRetriesPerRequest: null }
  const queue = new Queue('khipu-results', { connection, prefix: service.queuePrefix })
  t.teardown(() => queue.close())
  const job = await queue.getJob(request.requestId)
  t.ok(['delayed', 'waiting', 'active'].includes(String(await job?.getState())))
})
