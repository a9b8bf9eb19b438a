import type { FastifyInstance } from 'fastify'
import type { History } from './history.ts'
import { endsInWords } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** Adds the routes under /simulator, with which other processes inspect it; Khipu has none. */
export function addInspectionRoutes(
  app: FastifyInstance,
  history: History,
  reset: () => void
): void {
  app.get('/simulator/health', async () => ({ status: 'ok' }))

  app.get('/simulator/scenarios', async () =>
    scenarios.map(({ attempts: _behaviours, ...row }) => ({ ...row, inWords: endsInWords(row) }))
  )

  app.get<ByAccount>('/simulator/calls', async ({ query }) => ofAccount(history.calls, query))

  app.get<ByAccount>('/simulator/callbacks', async ({ query }) =>
    ofAccount(history.callbacks, query)
  )

  app.get<{ Params: { number: string } }>('/simulator/callbacks/:number/body', (request, reply) => {
    const body = history.bodyOf(Number(request.params.number))
    if (body === undefined) return reply.code(404).send({ message: 'no such callback' })
    return reply.type('application/octet-stream').send(body)
  })

  app.post('/simulator/reset', async (_request, reply) => {
    reset()
    return reply.code(204).send()
  })
}

interface ByAccount {
  Querystring: { account?: string }
}

function ofAccount<T extends { account: string | null }>(
  records: readonly T[],
  { account }: ByAccount['Querystring']
): readonly T[] {
  return account === undefined ? records : records.filter((record) => record.account === account)
}
