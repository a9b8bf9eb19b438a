import { html, type Markup } from './html.ts'

/** The field that proves that a form came from a page of this session. */
export function hidden(csrf: string): Markup {
  return html`<input type="hidden" name="_csrf" value="${csrf}" />`
}
