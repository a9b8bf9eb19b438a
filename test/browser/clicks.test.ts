import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { findChromium, launch, logIn, watch } from '../helpers/browser.ts'
import { startFilled, TOKENS } from '../helpers/filled-world.ts'
import type { QuarantineList, RequestView } from '../../src/schemas/generated.ts'

// What an operator clicks and types, in a real Chromium.

const chromium = await findChromium()
if ('hindrance' in chromium) t.pass('no Chromium', { skip: chromium.hindrance })
else await clickAll(chromium.path)

const heading = (page: Page) => page.locator('h1').innerText()
const rows = (page: Page) => page.locator('table.rows tbody tr')

async function clickAll(executablePath: string): Promise<void> {
  const browser = await launch(executablePath)
  t.teardown(() => browser.close())
  const { world, service, api, find } = await startFilled(t)
  const base = service.adminUrl
  const open = async (t: Test, token: string, path = '/') => {
    const watched = await watch(browser, base)
    t.teardown(() => watched.page.context().close())
    await logIn(watched.page, token, path)
    return watched
  }

  t.test('a wrong token is told, a good one opens what was asked for', async (t) => {
    const { page, faults, forget } = await watch(browser, base)
    await page.goto('/parked')
    await page.fill('#token', 'wrong')
    await page.click('main button')
    t.match(await page.locator('[role=alert]:visible').innerText(), 'No such token')
    // The console tells of the 401.
    forget()
    await page.fill('#token', TOKENS.admin)
    await page.click('main button')
    await page.waitForURL('**/parked')
    t.same(faults, [])
    await page.context().close()
  })

  t.test('every link and every key leads to its page', async (t) => {
    const { page, faults } = await open(t, TOKENS.admin)
    for (const name of ['Requests', 'Parked', 'Quarantine', 'Operations', 'Audit', 'Overview']) {
      await page.locator('nav').getByText(name, { exact: true }).click()
      await page.locator('h1', { hasText: name }).waitFor()
    }
    for (const [key, name] of [
      ['r', 'Requests'],
      ['p', 'Parked'],
      ['q', 'Quarantine'],
      ['b', 'Operations'],
      ['a', 'Audit'],
      ['o', 'Overview']
    ] as const) {
      await page.keyboard.press('g')
      await page.keyboard.press(key)
      await page.locator('h1', { hasText: name }).waitFor()
    }
    await page.keyboard.press('?')
    t.ok(await page.locator('#keys').isVisible())
    await page.locator('#use-keys').uncheck()
    await page.keyboard.press('Escape')
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    t.equal(await heading(page), 'Overview', 'the keys can be switched off')
    t.same(faults, [])
  })

  t.test('a search finds exactly what its count says', async (t) => {
    const { page, faults, forget } = await open(t, TOKENS.read)
    const tile = page.locator('.tile', { hasText: 'Parked' })
    const count = Number(await tile.locator('strong').innerText())
    await tile.click()
    await page.locator('#count').waitFor()
    t.match(await page.locator('#count').innerText(), `${count} match`)
    t.equal(await rows(page).count(), count)

    await page.keyboard.press('/')
    await page.keyboard.type('state:parked bank:santander.cl')
    await page.keyboard.press('Enter')
    await page.waitForURL(/santander/)
    t.equal(await rows(page).count(), (await find('state=parked&bank=santander.cl')).length)
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const second = await rows(page).nth(1).locator('a').getAttribute('href')
    await page.keyboard.press('Enter')
    await page.waitForURL(`**${second}`)

    const [id = ''] = await find('state=delivered')
    const { operationId } = await api<RequestView>('GET', `/v1/requests/${id}`)
    for (const [text, path] of [
      [id, `/requests/${id}`],
      ['reference:nightly-1001', null],
      [`operation:${operationId}`, null]
    ] as const) {
      await page.fill('#find', text)
      await page.press('#find', 'Enter')
      if (path !== null) await page.waitForURL(`**${path}`)
      else await page.locator('#count').waitFor()
      if (path === null) t.equal(await rows(page).count(), 1, text)
      await page.goto('/')
    }
    forget()
    await page.fill('#find', 'bnk:x')
    await page.press('#find', 'Enter')
    t.match(
      await page.locator('main [role=alert]').innerText(),
      /“bnk:” is no qualifier.*reference/s
    )
    // The console tells of the 422.
    forget()
    t.same(faults, [])
  })

  t.test('a request is sent again, gets another authorization, and is cancelled', async (t) => {
    const { page, faults } = await open(t, TOKENS.write)
    const [one = '', other = ''] = await find('state=parked&reason=unknown-type')
    await page.goto(`/requests/${one}`)
    await page.getByText('Send now…').click()
    await page.locator('main button').click()
    await page.locator('[role=status]', { hasText: 'It is sent now' }).waitFor()
    await page.goBack()
    t.equal(await heading(page), 'Send it now?', 'back asks again, and sends nothing')

    const [third = ''] = await find('state=parked&reason=unauthorized')
    await page.goto(`/requests/${third}/authorization`)
    await page.fill('#value', 'not good\u00e9')
    await page.locator('main button').click()
    t.match(await page.locator('main [role=alert]').innerText(), 'Give a JWT')
    await page.fill('#value', 'eyJhbGciOiJub25lIn0.e30.x')
    await page.locator('main button').click()
    await page.locator('[role=status]').waitFor()
    await page.locator('.line', { hasText: 'Authorization given' }).waitFor()

    await page.goto(`/requests/${other}`)
    await page.getByText('Cancel…').click()
    await page.locator('main button').click()
    await page.locator('.pill', { hasText: 'Cancelled' }).first().waitFor()
    t.equal((await api<RequestView>('GET', `/v1/requests/${other}`)).state, 'cancelled')
    t.same(
      faults.filter((fault) => !fault.includes('422')),
      []
    )
  })

  t.test('a page follows what happens, and does not while it is paused', async (t) => {
    const [id = ''] = await find('state=parked&reason=retry-after-notification')
    const { page, faults } = await open(t, TOKENS.admin, `/requests/${id}`)
    await page.keyboard.press('.')
    t.equal(await page.locator('#live').innerText(), 'Paused')
    await api('POST', `/v1/requests/${id}/cancel`)
    await page.waitForTimeout(1_500)
    t.equal(await page.locator('h1 .pill').innerText(), 'Parked')
    await page.keyboard.press('.')
    await page.locator('#story', { hasText: 'Nothing more happens' }).waitFor()
    t.equal(await page.locator('#live').innerText(), 'Live')
    t.same(faults, [])
  })

  t.test('kept bodies are discarded: one, then all of a kind', async (t) => {
    const { page, faults } = await open(t, TOKENS.admin)
    const { items } = await api<QuarantineList>('GET', '/v1/quarantine?kind=not-json,conflict')
    const [first] = items
    await page.goto(`/quarantine/${first?.quarantineId}`)
    await page.getByText('Discard…').click()
    await page.locator('main button').click()
    await page.locator('[role=status]').waitFor()
    const after = await api<QuarantineList>('GET', '/v1/quarantine?kind=not-json,conflict')
    t.equal(after.items.length, items.length - 1)
    await page.goto('/audit')
    t.match(await rows(page).first().innerText(), 'Kept body discarded')
    const kind = after.items[0]?.kind ?? ''
    const ofKind = after.items.filter((item) => item.kind === kind).length
    await page.goto(`/quarantine?kind=${kind}`)
    t.equal(await rows(page).count(), ofKind)
    await page.getByText('Discard these…').click()
    t.match(await heading(page), ofKind === 1 ? 'Discard 1 body?' : `Discard ${ofKind} bodies?`)
    await page.getByRole('button', { name: `Discard ${ofKind}` }).click()
    await page.locator('#operation .pill', { hasText: 'Done' }).waitFor({ timeout: 30_000 })
    const left = await api<QuarantineList>('GET', `/v1/quarantine?kind=${kind}`)
    t.same(left.items, [])
    t.same(faults, [])
  })

  t.test('a cause is released: one first, then the rest, and it can be followed', async (t) => {
    const { page, faults } = await open(t, TOKENS.write, '/parked')
    const card = page.locator('section.card', { hasText: 'Unauthorized' })
    await card.getByText('Release…').click()
    t.match(await heading(page), /^Release \d+ requests?\?$/)
    const [, count = ''] = /Release (\d+)/.exec(await heading(page)) ?? []
    t.equal(Number(count), (await find('state=parked&reason=unauthorized')).length)
    await page.fill('#note', 'Khipu knows the cause')
    await page.getByRole('button', { name: `Release ${count}` }).click()
    await page.waitForURL(/\/operations\/op_/)
    await page.locator('#operation .pill', { hasText: 'Done' }).waitFor({ timeout: 30_000 })
    t.match(await page.locator('#operation').innerText(), `${count} of ${count} done`)
    await page.getByText('See its requests').click()
    await page.locator('#count').waitFor()
    t.equal(await rows(page).count(), Number(count))
    t.same(faults, [])
  })

  t.test(
    'selected rows are cancelled, and a selection that has changed is asked anew',
    async (t) => {
      const { page, faults, forget } = await open(t, TOKENS.write)
      await page.goto('/requests?q=state:parked+code:I001')
      const before = await rows(page).count()
      await page.keyboard.press('j')
      await page.keyboard.press('x')
      const boxes = page.locator('table.rows input[type=checkbox]')
      t.ok(await boxes.first().isChecked(), 'x selects the row')
      await boxes.nth(2).click({ modifiers: ['Shift'] })
      t.equal(
        await page.locator('table.rows input:checked').count(),
        3,
        'shift takes those between'
      )
      await page.getByText('Cancel selected…').click()
      t.equal(await heading(page), 'Cancel 3 requests?')
      const one = await page.locator('input[name=id]').first().getAttribute('value')
      await api('POST', `/v1/requests/${one}/cancel`)
      await page.getByRole('button', { name: 'Cancel 3' }).click()
      t.match(await page.locator('main [role=alert]').innerText(), 'The selection has changed')
      // The console tells of the 409.
      forget()
      await page.getByRole('button', { name: 'Cancel 2' }).click()
      await page.locator('#operation .pill', { hasText: 'Done' }).waitFor({ timeout: 30_000 })
      t.equal((await find('state=parked&code=I001')).length, before - 3)
      t.same(faults, [])
    }
  )

  t.test('a token that reads sees no button, and is refused', async (t) => {
    const [id = ''] = await find('state=parked')
    const { page } = await open(t, TOKENS.read, `/requests/${id}`)
    t.equal(await page.locator('.actions').count(), 0)
    t.equal(await page.locator('nav', { hasText: 'Audit' }).count(), 0)
    for (const path of [`/requests/${id}/cancel`, '/audit', '/queues/']) {
      t.equal((await page.goto(path))?.status(), 403, path)
    }
    t.equal((await api<RequestView>('GET', `/v1/requests/${id}`)).state, 'parked')
  })

  t.test('the raw queues show jobs without what is in a result', async (t) => {
    const { page, faults } = await open(t, TOKENS.admin)
    const answer = await page.goto('/queues/queue/khipu-results?status=waiting')
    t.match(answer?.headers()['content-security-policy'], "default-src 'none'; script-src 'self'")
    await page.getByText('"…"').first().waitFor()
    t.notMatch(await page.content(), /AccountNumber|Amount/)
    const pause =
      "fetch('/queues/api/queues/khipu-results/pause', { method: 'PUT' }).then((r) => r.status)"
    t.equal(await page.evaluate(pause), 404, 'nothing can be changed')
    t.same(
      faults.filter((fault) => !fault.includes('404')),
      []
    )
  })

  t.test('while Redis is away the page says so, and comes back', async (t) => {
    const { page } = await open(t, TOKENS.read)
    await world.redis.kill()
    await page.keyboard.press('.')
    await page.keyboard.press('.')
    await page.locator('#off').waitFor()
    t.equal(await page.locator('#live').innerText(), 'Off')
    await world.redis.restart()
    await page.locator('#off').waitFor({ state: 'hidden', timeout: 30_000 })
    t.equal(await page.locator('#live').innerText(), 'Live')
  })

  t.test('who has logged out sees nothing, not even by the back button', async (t) => {
    const { page } = await open(t, TOKENS.read)
    await page.goto('/requests')
    await page.getByText('Log out').click()
    await page.locator('.banner', { hasText: 'logged out' }).waitFor()
    await page.goBack()
    await page.locator('#token').waitFor()
    t.equal(await heading(page), 'Log in')
  })
}
