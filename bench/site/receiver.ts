import { Queue } from 'bullmq'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

/**
 * What the service is compared with, as one writes it in an afternoon. It parses and validates a callback. With a
 * REDIS_URL it then adds a job with the body to a BullMQ queue, with default options, and answers. It knows no callback
 * token and no request. It encrypts nothing and recognizes no duplicate.
 */
const SCHEMA = {
  type: 'object',
  required: ['OperationId', 'Status', 'Data'],
  properties: {
    OperationId: { type: 'string', maxLength: 36 },
    Status: { type: 'string', enum: ['OK', 'ERROR'] },
    Data: {
      type: ['object', 'null'],
      properties: { Transaction: { type: 'array', items: { type: 'object' } } }
    }
  }
} as const

const { REDIS_URL, PORT } = process.env
const queue = REDIS_URL === undefined ? null : openQueue(REDIS_URL)
const app = Fastify({ bodyLimit: 10 * 1024 * 1024 })
app.post('/callbacks/*', { schema: { body: SCHEMA } }, async ({ body }) => {
  await queue?.add('callback', body)
  return { status: 'accepted' }
})
await queue?.waitUntilReady()
await app.listen({ host: '127.0.0.1', port: Number(PORT) })

function openQueue(url: string): Queue {
  return new Queue('textbook', { connection: new Redis(url, { maxRetriesPerRequest: null }) })
}
