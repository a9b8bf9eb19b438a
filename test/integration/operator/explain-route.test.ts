import t from 'tap'
import { v7 } from 'uuid'
import { STATES } from '../../../src/core/request.ts'
import { check } from '../../../src/schemas/validate.ts'
import { handleSend } from '../../helpers/handlers.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { ask, askIn } from '../../helpers/requests.ts'
import { call } from '../../helpers/wire.ts'
import { openWorker } from '../../helpers/worker.ts'

t.test('a request is explained in every state', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  for (const state of STATES) {
    const requestId = await askIn(service, state)
    const { status, json } = await get(`/v1/requests/${requestId}/explain`)
    t.equal(status, 200)
    t.match(check('explanation', json), { valid: true }, state)
    t.match(json, { requestId, state, blockedBy: null })
  }
  t.match(await get(`/v1/requests/${v7()}/explain`), { status: 404 })
})

t.test('the texts are in the language that is asked for, the codes are not', async (t) => {
  const service = await openServerService(t)
  const { address } = await openAdmin(t, service)
  const requestId = await askIn(service, 'parked')
  const inLanguage = async (language: string) => {
    const answer = await call(`${address}/v1/requests/${requestId}/explain`, {
      headers: { authorization: 'Bearer token-of-reader', 'accept-language': language }
    })
    t.equal(answer.headers.get('vary'), 'accept-language')
    return { ...(answer.json as object), language: answer.headers.get('content-language') }
  }
  const code = 'retry-after-notification'
  t.match(await inLanguage('es-CL,es;q=0.9,en;q=0.8'), {
    language: 'es',
    why: { code, text: /^Khipu respondió/ }
  })
  for (const other of ['en', 'fr', 'fr, en, es', '']) {
    t.match(await inLanguage(other), { language: 'en', why: { code, text: /^Khipu said/ } }, other)
  }
})

t.test('a request that waits for another one names it', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const first = await ask(service, { turns: true })
  const second = await ask(service, { turns: true })
  await handleSend(openWorker(service).deps, { requestId: first, at: 0 })
  await handleSend(openWorker(service).deps, { requestId: second, at: 0 })
  t.match((await get(`/v1/requests/${second}/explain`)).json, {
    reason: 'account-busy',
    blockedBy: first,
    rule: { row: 'account-busy' }
  })
  t.match((await get(`/v1/requests/${first}/explain`)).json, { blockedBy: null })
})
