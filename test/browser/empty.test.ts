import t from 'tap'
import { accessibilityFaults, findChromium, launch, logIn, watch } from '../helpers/browser.ts'
import { startEmpty, TOKENS } from '../helpers/filled-world.ts'

const chromium = await findChromium()
if ('hindrance' in chromium) t.pass('no Chromium', { skip: chromium.hindrance })
else await lookAtNothing(chromium.path)

async function lookAtNothing(path: string): Promise<void> {
  t.test('an empty system explains itself, and shows the first request to make', async (t) => {
    const browser = await launch(path)
    t.teardown(() => browser.close())
    const { service, find } = await startEmpty(t)
    const { page, faults } = await watch(browser, service.adminUrl)
    await logIn(page, TOKENS.admin)
    const line = await page.locator('#empty ~ pre').innerText()
    t.match(line, `curl -X POST '${service.adminUrl}/v1/requests'`)
    t.same(await accessibilityFaults(page), [])
    for (const path of ['/requests', '/parked', '/quarantine', '/operations', '/audit']) {
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
}
