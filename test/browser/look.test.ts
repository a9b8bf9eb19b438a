import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions } from 'playwright-core'
import t from 'tap'
import { accessibilityFaults, findChromium, launch, logIn, watch } from '../helpers/browser.ts'
import { startEmpty, startFilled, TOKENS } from '../helpers/filled-world.ts'
import type { QuarantineList } from '../../src/schemas/generated.ts'

// Every page in a real Chromium: no error, accessible, nothing from elsewhere, nothing secret.

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

type Rules = Parameters<typeof accessibilityFaults>[1] | null

/** Each with the rules of accessibility that it can break. */
const VARIANTS: readonly (readonly [name: string, rules: Rules, BrowserContextOptions])[] = [
  ['light', 'all', { colorScheme: 'light' }],
  ['dark', 'colours', { colorScheme: 'dark' }],
  ['spanish', 'others', { locale: 'es-CL' }],
  ['narrow', 'others', { viewport: { width: 420, height: 900 } }],
  ['without JavaScript', null, { javaScriptEnabled: false }]
]

/** A key of a body, or a token. */
const SECRET = /(?:"|&#34;)(?:Data|Transaction|Status)(?:"|&#34;)|token-of-the/

/** PICTURES=1 writes the pictures of the documents. */
const PICTURES = process.env['PICTURES'] === '1'
const folder = fileURLToPath(new URL('../../docs/pages/', import.meta.url))

const chromium = await findChromium()
if ('hindrance' in chromium) t.pass('no Chromium', { skip: chromium.hindrance })
else await lookAtAll(chromium.path)

async function lookAtAll(path: string): Promise<void> {
  const browser = await launch(path)
  t.teardown(() => browser.close())
  const filled = await startFilled(t)
  const { adminUrl } = filled.service
  const [parked = ''] = await filled.find('state=parked&reason=retry-after-notification')
  const [waiting = ''] = await filled.find('state=retry-scheduled')
  const [delivered = ''] = await filled.find('state=delivered')
  const [failed = ''] = await filled.find('state=failed')
  const kept = await filled.api<QuarantineList>('GET', '/v1/quarantine?kind=schema')
  const entry = kept.items[0]?.quarantineId ?? ''
  const pages: readonly (readonly [picture: string | null, path: string, status?: number])[] = [
    ['overview', '/'],
    ['requests', '/requests?q=state%3Aparked'],
    [null, '/requests'],
    [null, '/requests?q=state%3Asending'],
    [null, '/requests?q=bnk%3Ax', 422],
    ['request', `/requests/${parked}`],
    [null, `/requests/${waiting}`],
    [null, `/requests/${delivered}?done=retry`],
    [null, `/requests/${failed}`],
    ['confirm', `/requests/${parked}/cancel`],
    [null, `/requests/${parked}/retry`],
    [null, `/requests/${parked}/authorization`],
    [null, '/requests/01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f', 404],
    ['parked', '/parked'],
    [null, '/quarantine'],
    ['quarantine', `/quarantine/${entry}`],
    [null, `/quarantine/${entry}/force`],
    ['audit', '/audit'],
    [null, '/quarantine/x/y', 404]
  ]

  for (const [variant, rules, options] of VARIANTS) {
    t.test(`every page, ${variant}`, async (t) => {
      const { page, faults, forget } = await watch(browser, adminUrl, options)
      t.teardown(() => page.context().close())
      await page.goto('/login')
      if (rules !== null) t.same(await accessibilityFaults(page, rules), [], '/login')
      await logIn(page, TOKENS.admin)
      for (const [picture, path, status = 200] of pages) {
        const answer = await page.goto(path)
        t.equal(answer?.status(), status, path)
        const headers = (await answer?.allHeaders()) ?? {}
        t.equal(headers['content-security-policy'], POLICY, path)
        t.equal(headers['cache-control'], 'no-store', path)
        const text = (await answer?.text()) ?? ''
        t.same(
          filled.accounts.filter((account) => text.includes(account)),
          [],
          `${path}: accounts`
        )
        t.notMatch(text, SECRET, `${path}: bodies and secrets`)
        if (status !== 200) forget()
        if (rules === null) continue
        t.same(await accessibilityFaults(page, rules), [], path)
        const width = await page.evaluate('document.documentElement.scrollWidth')
        t.ok(Number(width) <= (options.viewport?.width ?? 1360), `${path}: ${Number(width)} px`)
        if (variant === 'spanish') t.match(text, '<html lang="es">', path)
        if (!PICTURES || picture === null) continue
        mkdirSync(folder, { recursive: true })
        if (variant === 'light') await page.screenshot({ path: `${folder}${picture}.png` })
        if (variant === 'dark' && picture === 'overview')
          await page.screenshot({ path: `${folder}overview-dark.png` })
      }
      t.same(faults, [])
    })
  }
}

t.test('an empty system explains itself, and shows the first request to make', async (t) => {
  if ('hindrance' in chromium) {
    t.pass('no Chromium', { skip: chromium.hindrance })
    return
  }
  const browser = await launch(chromium.path)
  t.teardown(() => browser.close())
  const { service, find } = await startEmpty(t)
  const { page, faults } = await watch(browser, service.adminUrl)
  await logIn(page, TOKENS.admin)
  const line = await page.locator('#empty ~ pre').innerText()
  t.match(line, `curl -X POST '${service.adminUrl}/v1/requests'`)
  t.same(await accessibilityFaults(page), [])
  for (const path of ['/requests', '/parked', '/quarantine', '/audit']) {
    await page.goto(path)
    t.ok(await page.locator('.nothing').isVisible(), path)
    t.same(await accessibilityFaults(page), [], path)
  }
  const [, body = ''] = /-d '(.*)'/.exec(line) ?? []
  await page.goto('/')
  await service.api('POST', '/v1/requests', JSON.parse(body))
  await page.locator('#banks').waitFor()
  t.equal((await find('')).length, 1, 'the request of the page is a good one, and appears')
  t.same(faults, [])
})
