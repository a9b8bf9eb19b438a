import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { TOKEN } from '../helpers/service-process.ts'
import { startWorld } from '../helpers/world.ts'

// The page /docs in a real Chromium: it shows every call, and makes one with a token.

t.comment('timeout=120000')

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : 'no Chromium: set CHROMIUM_PATH'

void t.test('/docs shows the API, and tries a call with a token', { skip }, async (t) => {
  const service = await (await startWorld(t)).start()
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const { page, complaints, hosts } = await open(browser, `${service.adminUrl}/docs`)

  t.equal(await page.locator('.opblock').count(), await operations(service.adminUrl))
  t.equal(await statusOf(page, 'requests-getSummary'), 401, 'without a token')
  await authorize(t, page)
  t.equal(await statusOf(page, 'requests-getSummary'), 200, 'with a token')
  t.equal(await statusOf(page, 'requests-createRequest'), 202, 'the example is a good request')
  t.equal(await statusOf(page, 'service-getReadiness'), 200)

  const { body } = await service.api<{ total: number }>('GET', '/v1/requests')
  t.equal(body.total, 1)
  t.same([...hosts], [new URL(service.adminUrl).host], 'no other host is asked')
  t.same(
    complaints.filter((line) => !line.includes('status of 401')),
    []
  )
})

async function open(browser: Browser, url: string) {
  const page = await browser.newPage()
  const complaints: string[] = []
  const hosts = new Set<string>()
  page.on('console', (line) => complaints.push(line.text()))
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== 'data:') hosts.add(host)
  })
  await page.goto(url)
  await page.locator('.opblock').first().waitFor()
  return { page, complaints, hosts }
}

/** How many operations the document has, with its webhook. */
async function operations(adminUrl: string): Promise<number> {
  const document = (await (await fetch(`${adminUrl}/openapi.json`)).json()) as {
    paths: Record<string, object>
    webhooks: Record<string, object>
  }
  const items = [...Object.values(document.paths), ...Object.values(document.webhooks)]
  return items.flatMap((item) => Object.keys(item)).length
}

async function authorize(t: Test, page: Page): Promise<void> {
  await page.locator('.btn.authorize').click()
  await page.locator('.auth-container input').fill(TOKEN)
  await page.locator('.auth-btn-wrapper .authorize').click()
  await page.locator('.auth-btn-wrapper .btn-done').click()
  t.equal(await page.evaluate('localStorage.length'), 0, 'the token is not kept')
}

/** Opens an operation where it is closed, executes it as it stands, and gives the status that the page shows. */
async function statusOf(page: Page, id: string): Promise<number> {
  const operation = page.locator(`#operations-${id}`)
  if ((await operation.locator('.execute').count()) === 0) {
    await operation.locator('.opblock-summary-control').click()
    await operation.locator('.try-out__btn').click()
  }
  const answered = page.waitForResponse((one) => /\/(?:v1|health)\//.test(one.url()))
  await operation.locator('.execute').click()
  const status = (await answered).status()
  const cells = operation.locator('.live-responses-table tbody .response-col_status')
  await cells
    .filter({ hasText: String(status) })
    .first()
    .waitFor()
  return status
}
