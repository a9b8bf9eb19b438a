import t from 'tap'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { call } from '../../helpers/wire.ts'

const POLICY =
  "default-src 'none';script-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:;" +
  "connect-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'"

t.test('/docs needs no token, and nothing of another host', async (t) => {
  const { address } = await openAdmin(t, await openServerService(t))
  const page = await call(`${address}/docs`)
  t.equal(page.status, 200)
  t.match(page.headers.get('content-type'), /^text\/html/)
  const links = [...page.text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link = '']) => link)
  t.ok(links.length >= 5)
  for (const link of links) {
    t.match(link, /^\/docs\/static\/[\w.-]+$/)
    t.match(await call(address + link), { status: 200, text: /./ }, link)
  }
  const start = await call(`${address}/docs/static/swagger-initializer.js`)
  t.match(start.text, 'validatorUrl: null')
  t.notMatch(start.text, /https?:\/\/(?!stackoverflow\.com)/, 'but in a comment')
})

t.test('its document is that of /openapi.json', async (t) => {
  const { address } = await openAdmin(t, await openServerService(t))
  const shown = await call(`${address}/docs/json`)
  t.same(shown.json, (await call(`${address}/openapi.json`)).json)
})

t.test(
  'every answer below /docs has the headers of the API, and a policy of its own',
  async (t) => {
    const { address, counted } = await openAdmin(t, await openServerService(t))
    const strange = ['/docs/nothing', '/docs/static/nothing.js', '/docs/static/%2e%2e/package.json']
    const rows: (readonly [path: string, status: number])[] = [
      ['/docs', 200],
      ['/docs/', 200],
      ['/docs/static/swagger-ui.css', 200],
      ...strange.map((path) => [path, 404] as const)
    ]
    for (const [path, status] of rows) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await call(address + path, { method })
        t.equal(answer.status, status, `${method} ${path}`)
        t.match(
          Object.fromEntries(answer.headers),
          {
            'content-security-policy': POLICY,
            'cross-origin-resource-policy': 'same-origin',
            'referrer-policy': 'no-referrer',
            'x-content-type-options': 'nosniff'
          },
          path
        )
        if (status === 404 && method === 'GET') {
          t.match(answer.json, { status: 404, code: 'unknown-route' }, path)
        }
      }
    }
    t.equal((await call(`${address}/docs`, { method: 'POST' })).status, 404)
    t.same(counted, [], 'no caller without a token is counted')
  }
)

t.test('calls at the same time share what the first one builds', async (t) => {
  const { address } = await openAdmin(t, await openServerService(t))
  const answers = await Promise.all([1, 2, 3].map(() => call(`${address}/docs`)))
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200]
  )
})
