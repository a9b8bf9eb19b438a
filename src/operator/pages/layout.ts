import { type Fragment, html, type Markup } from './html.ts'
import { hidden } from './hidden-field.ts'
import type { PageContext } from './page-context.ts'
import { bareHeader, header, type Section } from './page-header.ts'
import { ASSET } from './static-files.ts'
import { FRAME, KEYS, USE_KEYS } from './texts/frame-texts.ts'

/** A screen, to be put into its frame. */
export interface Screen {
  readonly title: string
  /** What stands in the heading, where that is more than the title. */
  readonly heading?: Fragment
  readonly section: Section | null
  readonly body: Fragment
  /** What stands in the search box. */
  readonly query?: string
  /** The same as a call of the API: method, path, body. */
  readonly curl?: readonly string[]
}

/** The whole page of a screen. */
export function page(context: PageContext, screen: Screen): string {
  const { say, language, session } = context
  const document = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${screen.title} · ${say(FRAME.product)}</title>
        <link rel="icon" href="${ASSET.icon}" />
        <link rel="stylesheet" href="${ASSET.css}" />
        <script src="${ASSET.js}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">${say(FRAME.skip)}</a>
        ${session.token === null ? bareHeader(context) : header(context, screen.section, screen.query)}
        <p id="off" class="banner bad" role="alert" hidden>${say(FRAME.offText)}</p>
        <main id="main" tabindex="-1">
          <h1>${screen.heading ?? screen.title}</h1>
          ${screen.body} ${screen.curl !== undefined && curlLine(context, screen.curl)}
        </main>
        ${footer(context)} ${session.token !== null && keysDialog(context)}
      </body>
    </html> `
  return document.markup
}

function footer(context: PageContext): Markup {
  const { say, session, csrf, url, language } = context
  const other = language === 'en' ? 'es' : 'en'
  return html`<footer>
    <form class="inline" method="post" action="/language">
      ${hidden(csrf)}<input type="hidden" name="back" value="${url}" /><button
        class="link"
        name="to"
        value="${other}"
        lang="${other}"
      >
        ${say(FRAME.language)}
      </button>
    </form>
    ${session.token !== null && html`<button id="show-keys" class="link" type="button" hidden>${say(FRAME.keys)} <kbd>?</kbd></button>`}
  </footer>`
}

function keysDialog({ say }: PageContext): Markup {
  const rows = KEYS.map(
    ([keys, text]) =>
      html`<div>
        <dt>${keys.split(' ').map((key) => html`<kbd>${key}</kbd> `)}</dt>
        <dd>${say(text)}</dd>
      </div>`
  )
  return html`<dialog id="keys" aria-labelledby="keys-title">
    <h2 id="keys-title">${say(FRAME.keys)}</h2>
    <dl class="keys">${rows}</dl>
    <p>
      <label><input type="checkbox" id="use-keys" checked /> ${say(USE_KEYS)}</label>
    </p>
    <form method="dialog"><button>${say(FRAME.close)}</button></form>
  </dialog>`
}

function curlLine({ say, origin }: PageContext, [method, path, body]: readonly string[]): Markup {
  const verb = method === 'GET' ? '' : ` -X ${method}`
  const json = body === undefined ? '' : ` -H 'Content-Type: application/json' -d '${body}'`
  const line = `curl${verb} -H "Authorization: Bearer $TOKEN"${json} '${origin}${path}'`
  return html`<details class="curl">
    <summary>${say(FRAME.asCommand)}</summary>
    <pre tabindex="0"><code>${line}</code></pre>
    <p class="muted">${say(FRAME.commandHint)}</p>
  </details>`
}
