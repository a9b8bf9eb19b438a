import helmet from '@fastify/helmet'
import { Queue } from 'bullmq'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/**
 * The receiver that one writes in an afternoon: parse, validate, add a job with the body, answer. It
 * knows no capability and no request, so this is the floor that ours is held against.
 */
const connection = new Redis(process.env['REDIS_URL'] ?? '', { maxRetriesPerRequest: 1 })
const queue = new Queue('plain', { connection, prefix: 'plain' })
const app = Fastify({ bodyLimit: 10 * 1024 * 1024 })
await app.register(helmet)
const schema = readFileSync(new URL('plain-envelope.json', import.meta.url), 'utf8')
app.post('/callbacks/*', { schema: { body: JSON.parse(schema) as object } }, async (request) => {
  const jobId = createHash('sha256').update(JSON.stringify(request.body)).digest('hex')
  await queue.add('callback', request.body, { jobId })
  return { status: 'accepted' }
})
console.log(await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) }))
