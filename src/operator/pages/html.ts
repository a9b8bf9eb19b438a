import { html as escaped } from 'ghtml'

/** Markup that is inserted as it is. Only `html` makes it. */
export interface Markup {
  readonly markup: string
}

/** What a template takes: text, which is escaped, or markup. Null, undefined and false are nothing. */
export type Fragment = string | number | Markup | null | undefined | false | readonly Fragment[]

/** Makes markup. Every text in it is escaped, so no value can bring a tag or end an attribute. */
export function html(literals: TemplateStringsArray, ...fragments: readonly Fragment[]): Markup {
  return { markup: String.raw(literals, ...fragments.map(textOf)) }
}

function textOf(fragment: Fragment): string {
  if (fragment === null || fragment === undefined || fragment === false) return ''
  if (typeof fragment === 'string') return escaped`${fragment}`
  if (typeof fragment === 'number') return String(fragment)
  if ('markup' in fragment) return fragment.markup
  return fragment.map(textOf).join('')
}
