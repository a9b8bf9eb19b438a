import fc from 'fast-check'
import t from 'tap'
import { html } from '../../../src/operator/pages/html.ts'

t.test('no value brings a tag or ends an attribute', async (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', '!', 'a') }),
      (value) => {
        const { markup } = html`<p title="${value}">!${value}${[value, [value]]}</p>`
        t.match(markup, /^<p title="[^"<>]*">[^<>]*<\/p>$/)
      }
    )
  )
})

t.test('markup is inserted as it is, also in lists', async (t) => {
  const items = ['a', '<b>'].map((text) => html`<i>${text}</i>`)
  t.equal(html`<b>${items}</b>`.markup, '<b><i>a</i><i>&#60;b&#62;</i></b>')
})

t.test('what is not there is nothing; a number is itself', async (t) => {
  t.equal(html`${null}${undefined}${false}${''}${0}`.markup, '0')
})
