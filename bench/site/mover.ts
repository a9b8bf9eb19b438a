import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'

/** The least that a worker can do with a job: it adds the data to another queue, and is done. */
const { REDIS_URL = '' } = process.env
const connect = () => new Redis(REDIS_URL, { maxRetriesPerRequest: null })
const to = new Queue('bare-results', { connection: connect() })
const worker = new Worker('bare', async ({ data }) => void (await to.add('result', data)), {
  connection: connect(),
  concurrency: 20,
  // As in the service's own queues: the job goes when it is done.
  removeOnComplete: { count: 0 }
})
await worker.waitUntilReady()
