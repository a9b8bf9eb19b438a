import t from 'tap'
import { v7 } from 'uuid'
import { check } from '../../../src/schemas/validate.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { call } from '../../helpers/wire.ts'

/** What each route needs, as the contract has it. */
const NEEDED: Readonly<Record<string, 'read' | 'write' | 'admin'>> = {
  'GET /v1/requests': 'read',
  'GET /v1/requests/:id': 'read',
  'GET /v1/requests/:id/explain': 'read',
  'GET /v1/summary': 'read',
  'GET /v1/stats': 'read',
  'GET /v1/events': 'read',
  'GET /v1/audit': 'admin',
  'GET /v1/quarantine': 'read',
  'POST /v1/requests': 'write',
  'POST /v1/requests/:id/cancel': 'write',
  'POST /v1/requests/:id/retry': 'write',
  'PUT /v1/requests/:id/authorization': 'write',
  'POST /v1/notifications': 'write',
  'POST /v1/operations': 'write',
  'POST /v1/operations/:op/stop': 'write',
  'POST /v1/operations/:op/continue': 'write',
  'GET /v1/operations': 'read',
  'GET /v1/operations/:op': 'read',
  'GET /v1/quarantine/:id': 'admin',
  'POST /v1/quarantine/:id/accept': 'admin',
  'DELETE /v1/quarantine/:id': 'admin'
}
const TOKENS = { read: 'token-of-reader', write: 'token-of-writer', admin: 'token-of-ana' } as const
const SCOPES = ['read', 'write', 'admin'] as const

t.test('every route asks for its scope, and who has less is told which', async (t) => {
  const service = await openServerService(t)
  const { address, counted, routes } = await openAdmin(t, service)
  const behindTokens = routes.filter(([, path]) => path.startsWith('/v1'))
  t.ok(behindTokens.length >= 11)
  for (const [method, path] of behindTokens) {
    const name = `${method} ${path}`
    const needed = NEEDED[name.replace('HEAD', 'GET')]
    t.ok(needed, `${name} is in the contract`)
    for (const scope of SCOPES) {
      const headers = { authorization: `Bearer ${TOKENS[scope]}` }
      // Its answer has no end, and its own test.
      if (path === '/v1/events') continue
      const answer = await call(address + path.replace(/:(?:id|op)/, v7()), { method, headers })
      const allowed = SCOPES.indexOf(scope) >= SCOPES.indexOf(needed ?? 'admin')
      t.equal(answer.status === 403, !allowed, `${name} with ${scope}: ${answer.status}`)
      t.not(answer.status, 401, name)
      if (allowed || method === 'HEAD') continue
      t.match(answer.json, { status: 403, detail: new RegExp(`scope '${needed}'`) })
      t.ok(check('problem', answer.json).valid)
    }
  }
  t.same(new Set(counted), new Set(['scope']))
  t.match(await service.catalog.totals(), { accepted: 0 })
  t.match(service.lines.join(''), /"by":"reader","scope":"read","needed":"write"/)
  t.notMatch(service.lines.join(''), /token-of/)
})

t.test('OpenAPI says of each route which scope it needs', async (t) => {
  const { get } = await openAdmin(t, await openServerService(t))
  const { paths } = Object((await get('/openapi.json')).json) as {
    paths: Record<string, Record<string, { description: string; security: unknown }>>
  }
  for (const [path, methods] of Object.entries(paths)) {
    if (!path.startsWith('/v1')) continue
    for (const [method, { description, security }] of Object.entries(methods)) {
      const name = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/, ':$1')}`
      const scope = NEEDED[name] ?? 'unknown'
      t.match(description, `\`${scope}\``, name)
      t.same(security, [{ bearer: [scope] }], name)
    }
  }
})

t.test('a token of a scope needs to be whole, too', async (t) => {
  const { address } = await openAdmin(t, await openServerService(t))
  const headers = { authorization: 'Bearer token-of-reade' }
  t.equal((await call(`${address}/v1/requests`, { headers })).status, 401)
})
