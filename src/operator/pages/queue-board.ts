import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import type { Queue } from 'bullmq'
import type { FastifyInstance } from 'fastify'
import { buildFrame } from './build-frame.ts'
import type { PagesSettings, ScreenDeps } from './pages-deps.ts'

/** Of the raw queues, whose page brings a base address, styles of its own and small pictures as data. */
const BOARD_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'"

const PATH = '/queues'

/** Builds the server of the raw queues. */
export function buildQueues(settings: PagesSettings): Promise<FastifyInstance> {
  return buildFrame(settings, [queueBoard])
}

/** `/queues/`: the raw queues, to look at only. */
async function queueBoard(app: FastifyInstance, { own }: ScreenDeps): Promise<void> {
  const serverAdapter = new FastifyAdapter().setBasePath(PATH)
  const results = new BullMQAdapter(own.resultQueue, { readOnlyMode: true })
  // Results are for consumers: a page shows what a job is, and nothing of a bank account.
  results.setFormatter('data', withoutResponse)
  results.setFormatter('returnValue', () => null)
  const isSplit = new Set(own.ownQueues.map(({ name }) => name)).size < own.ownQueues.length
  const queues = [...own.ownQueues.map((queue) => boardOf(queue, isSplit)), results]
  createBullBoard({ queues, serverAdapter, options: { uiConfig: UI } })
  await app.register(async (board) => {
    board.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'admin' }
    })
    board.addHook('onSend', async (_request, reply, payload) => {
      void reply.header('content-security-policy', BOARD_POLICY)
      return typeof payload === 'string' ? payload.replace(FOREIGN_FONT, '') : payload
    })
    await board.register(serverAdapter.registerPlugin(), { prefix: PATH })
  })
}

const UI = {
  boardTitle: 'Khipu receiver',
  boardLogo: { path: '' },
  // It would take CLIENT LIST, which the service's user of Redis may not call.
  showWorkers: false,
  miscLinks: [{ text: 'Khipu receiver', url: '/' }]
}

/** Its page links a font from elsewhere. */
const FOREIGN_FONT = /<link href="https?:[^<>]*>/g

/** Where the ledger has several parts, their queues have the same names. */
function boardOf(queue: Queue, isSplit: boolean): BullMQAdapter {
  const prefix = isSplit ? `${queue.opts.prefix}:` : ''
  return new BullMQAdapter(queue, { readOnlyMode: true, prefix })
}

function withoutResponse(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return null
  return { ...data, ...('response' in data ? { response: '…' } : {}) }
}
