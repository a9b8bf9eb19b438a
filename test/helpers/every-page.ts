import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions } from 'playwright-core'
import type { Test } from 'tap'
import { accessibilityFaults, launch, logIn, watch } from './browser.ts'
import { startFilled, TOKENS } from './filled-world.ts'
import type { OperationView, QuarantineList } from '../../src/schemas/generated.ts'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

type Rules = Parameters<typeof accessibilityFaults>[1] | null

/** Each with the rules of accessibility that it can break. */
const VARIANTS = {
  light: ['all', { colorScheme: 'light' }],
  dark: ['colours', { colorScheme: 'dark' }],
  spanish: ['others', { locale: 'es-CL' }],
  narrow: ['others', { viewport: { width: 420, height: 900 } }],
  'without JavaScript': [null, { javaScriptEnabled: false }]
} as const satisfies Readonly<Record<string, readonly [Rules, BrowserContextOptions]>>
type VariantName = keyof typeof VARIANTS

/** A key of a body, or a token. */
const SECRET = /(?:"|&#34;)(?:Data|Transaction|Status)(?:"|&#34;)|token-of-the/

/** PICTURES=1 writes the pictures of the documents. */
const PICTURES = process.env['PICTURES'] === '1'
const folder = fileURLToPath(new URL('../../docs/pages/', import.meta.url))

/** Looks at every page in a real Chromium: no error, accessible, nothing from elsewhere, nothing secret. */
export async function lookAtAll(
  t: Test,
  path: string,
  variants: readonly VariantName[]
): Promise<void> {
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
  const bulk = { action: 'release', filter: { reason: ['unauthorized'] }, note: 'for the test' }
  const { operation } = await filled.api<OperationView>('POST', '/v1/operations', bulk)
  const question = `/bulk?action=release&q=${encodeURIComponent('state:parked code:I001')}`
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
    [null, `/requests/${parked}/cancel`],
    [null, `/requests/${parked}/retry`],
    [null, `/requests/${parked}/authorization`],
    [null, '/requests/01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f', 404],
    ['parked', '/parked'],
    [null, '/quarantine'],
    ['quarantine', `/quarantine/${entry}`],
    [null, `/quarantine/${entry}/force`],
    ['confirm', question],
    [null, `/bulk?action=cancel&id=${parked}`],
    [null, '/bulk?action=release&q=reference%3Ax', 422],
    ['operations', '/operations'],
    ['operation', `/operations/${operation}`],
    ['audit', '/audit'],
    [null, '/quarantine/x/y', 404]
  ]

  for (const variant of variants) {
    const [rules, options] = VARIANTS[variant]
    void t.test(`every page, ${variant}`, async (t) => {
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
        t.ok(Number(width) <= (variant === 'narrow' ? 420 : 1360), `${path}: ${Number(width)} px`)
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
