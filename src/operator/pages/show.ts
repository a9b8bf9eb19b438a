import type { Text } from '../../core/explain/texts.ts'
import type { State } from '../../core/request.ts'
import type { Fragment, Markup } from './html.ts'
import { html } from './html.ts'
import type { PageContext } from './page-context.ts'
import { REASON_WORD, STATE_WORD } from './texts/words.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A duration in its largest sensible unit. Its space never breaks. */
export function duration(ms: number): string {
  const one = (value: number) => (Math.round(value * 10) / 10).toFixed(value < 9.95 ? 1 : 0)
  if (ms < 90 * SECOND) return `${Math.max(0, Math.round(ms / SECOND))}\u00a0s`
  if (ms < 90 * MINUTE) return `${Math.round(ms / MINUTE)}\u00a0min`
  if (ms < 48 * HOUR) return `${one(ms / HOUR)}\u00a0h`
  return `${one(ms / DAY)}\u00a0d`
}

/** An instant as its distance from now. The title has the instant; the page's script puts it into the local zone. */
export function when({ now, language }: PageContext, at: string | number): Markup {
  const instant = new Date(at)
  const ms = instant.getTime() - now
  const [text, kind] =
    ms > 0
      ? [language === 'en' ? `in ${duration(ms)}` : `en ${duration(ms)}`, 'due']
      : [language === 'en' ? `${duration(-ms)} ago` : `hace ${duration(-ms)}`, 'past']
  const iso = instant.toISOString()
  return html`<time class="nowrap" datetime="${iso}" title="${titleOf(instant)}" data-when="${kind}"
    >${text}</time
  >`
}

/** For how long something has lasted. */
export function age({ now }: PageContext, since: string | number): Markup {
  const instant = new Date(since)
  const iso = instant.toISOString()
  return html`<time class="nowrap" datetime="${iso}" title="${titleOf(instant)}" data-when="age"
    >${duration(now - instant.getTime())}</time
  >`
}

const SANTIAGO = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'America/Santiago',
  dateStyle: 'short',
  timeStyle: 'short'
})

/** The day of an instant at the banks. */
export function bankDay(at: number): string {
  return SANTIAGO.format(at).slice(0, 10)
}

function titleOf(instant: Date): string {
  const utc = instant.toISOString().replace('T', ' ').slice(0, 19)
  return `${utc} UTC · ${SANTIAGO.format(instant)} Santiago`
}

/** The colour of a state: what it means for the operator. */
const TONE: Readonly<Record<State, string>> = {
  queued: 'moving',
  sending: 'moving',
  'awaiting-callback': 'moving',
  'retry-scheduled': 'waiting',
  parked: 'stuck',
  delivered: 'good',
  failed: 'bad',
  cancelled: 'quiet'
}

export function pill({ say }: PageContext, state: State): Markup {
  return html`<span class="pill ${TONE[state]}" title="state:${state}"
    >${say(STATE_WORD[state])}</span
  >`
}

export function code(text: string | null): Fragment {
  return text !== null && html`<code class="code">${text}</code>`
}

/** What a reason is called; one that this version does not know stays as it is. */
export function reasonWord({ say }: PageContext, reason: string): string {
  const word = new Map<string, Text>(Object.entries(REASON_WORD)).get(reason)
  return word === undefined ? reason : say(word)
}

/** A number with its thousands apart. */
export function number({ language }: PageContext, value: number): string {
  return value.toLocaleString(language === 'es' ? 'es-CL' : 'en')
}

/** The path of the requests that a search finds. */
export function searchPath(words: Readonly<Record<string, string | null>>): string {
  return `/requests?q=${encodeURIComponent(searchOf(words))}`
}

/** The search that these words make. */
export function searchOf(words: Readonly<Record<string, string | null>>): string {
  return Object.entries(words)
    .flatMap(([name, value]) => (value === null ? [] : [`${name}:${value}`]))
    .join(' ')
}

/** A UUID cut in its middle. */
export function shortId(id: string): string {
  return `${id.slice(0, 8)}…${id.slice(-6)}`
}

/** A size in its largest sensible unit. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes}\u00a0B`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)}\u00a0KB`
  return `${(bytes / 1_000_000).toFixed(1)}\u00a0MB`
}

/** A path with what is given of a query. */
export function pathTo(
  path: string,
  query: Readonly<Record<string, string | number | null | undefined>>
): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === null || value === undefined || value === ''
      ? []
      : [[name, String(value)] as [string, string]]
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`
}
