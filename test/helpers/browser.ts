import AxeBuilder from '@axe-core/playwright'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { findOnPath } from '../../simulator/find-on-path.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * A real Chromium: that of CHROMIUM_PATH or of the PATH, else why there is none, in one line. It has some hundred
 * libraries, so Debian's package is not unpacked for it as that of Redis is.
 */
export async function findChromium(): Promise<{ path: string } | { hindrance: string }> {
  const path = process.env['CHROMIUM_PATH'] ?? (await findOnPath(NAMES))
  return path === undefined
    ? { hindrance: 'there is no Chromium: install it, or set CHROMIUM_PATH' }
    : { path }
}

export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, chromiumSandbox: false })
}

/** A page, and what is wrong with it so far. */
export interface Watched {
  readonly page: Page
  /** Errors of the console and of scripts, and other hosts. What a test provokes is taken out by `forget`. */
  readonly faults: string[]
  forget(): void
}

/** Opens a page that keeps an eye on itself. */
export async function watch(
  browser: Browser,
  base: string,
  options: BrowserContextOptions = {}
): Promise<Watched> {
  const size = { width: 1360, height: 900 }
  const context = await browser.newContext({ baseURL: base, viewport: size, ...options })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (line) => {
    if (line.type() === 'error') faults.push(`console: ${line.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`))
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url())
    if (protocol.startsWith('http') && host !== new URL(base).host) faults.push(`host: ${host}`)
  })
  return { page, faults, forget: () => void faults.splice(0) }
}

/** Logs in and goes on to a path. */
export async function logIn(page: Page, token: string, path = '/'): Promise<void> {
  await page.goto(`/login?next=${encodeURIComponent(path)}`)
  await page.fill('#token', token)
  await page.press('#token', 'Enter')
  await page.waitForURL((url) => url.pathname + url.search === path)
}

/** What breaks WCAG 2.2 at the levels A and AA, with where. Colours take most of the time. */
export async function accessibilityFaults(
  page: Page,
  rules: 'all' | 'colours' | 'others' = 'all'
): Promise<string[]> {
  const axe = new AxeBuilder({ page })
  if (rules === 'colours') axe.withRules(['color-contrast', 'link-in-text-block'])
  else axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
  if (rules === 'others') axe.disableRules(['color-contrast'])
  const { violations } = await axe.analyze()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target }) => `${id}: ${target.join(' ')}`)
  )
}
