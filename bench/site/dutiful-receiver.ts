import { Queue } from 'bullmq'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { examineInline } from '../../src/callbacks/examine-body.ts'
import { createCapabilities } from '../../src/crypto/callback-token.ts'
import { createCipher } from '../../src/crypto/encrypt.ts'

/**
 * The textbook receiver with what the service owes to a callback besides: it verifies the token, reads the JSON strictly,
 * hashes and encrypts the body, knows a repeat by its job id, and writes a log line. It has no ledger, no limits and no
 * spool. The steps are the service's own functions, so what is left between the two is the ledger and the listener.
 */
const { REDIS_URL = '', PORT, SECRET_KEY = '' } = process.env
const secretKeys = [{ kid: 'k1', bytes: Buffer.from(SECRET_KEY, 'base64') }] as const
const capabilities = createCapabilities(secretKeys)
const examine = examineInline(createCipher(secretKeys))
const log = pino({ base: null }, process.stdout)
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })
const queue = new Queue('dutiful', { connection })

const app = Fastify({ bodyLimit: 10 * 1024 * 1024 })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.post<{ Body: Buffer; Params: { '*': string } }>('/callbacks/*', async (request, reply) => {
  const capability = capabilities.verify(request.params['*'])
  if (capability === null) return reply.code(404).send({ status: 'not-found' })
  const { requestId, attempt } = capability
  const { verdict, sealed } = examine(request.body, false, requestId)
  if (verdict.type === 'refused') return reply.code(verdict.status).send({ status: 'refused' })
  const jobId = `${requestId}-${attempt}-${sealed.sha256}`
  const body = Buffer.from(sealed.sealed).toString('base64')
  await queue.add('callback', { requestId, outcome: verdict.outcome, body }, { jobId })
  log.info({ requestId, attempt, size: sealed.size }, 'callback received')
  return { status: 'accepted', receipt: sealed.sha256 }
})
await queue.waitUntilReady()
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
