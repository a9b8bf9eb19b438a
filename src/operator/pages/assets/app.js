// @ts-nocheck: it runs in browsers, whose types the project does not have.

// What a page can do more with JavaScript: live, times that count, keys. Everything works without it, too.

const EVERY_MS = 5000
const OFTEN_MS = 2_000
const SELDOM_MS = 30_000
const find = (selector, within = document) => within.querySelector(selector)
const all = (selector, within = document) => [...within.querySelectorAll(selector)]

/* Times */

const NARROW = '\u00a0'

function duration(ms) {
  const one = (value) => value.toFixed(Math.round(value * 10) / 10 < 10 ? 1 : 0)
  if (ms < 90e3) return `${Math.max(0, Math.round(ms / 1e3))}${NARROW}s`
  if (ms < 90 * 60e3) return `${Math.round(ms / 60e3)}${NARROW}min`
  if (ms < 48 * 3600e3) return `${one(ms / 3600e3)}${NARROW}h`
  return `${one(ms / 86400e3)}${NARROW}d`
}

/** Within the hour before its step a time counts down by the second. */
function countdown(ms) {
  if (ms >= 3600e3) return duration(ms)
  const seconds = Math.round(ms / 1e3)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

const isSpanish = document.documentElement.lang === 'es'
/** The clock of the service less that of the browser. */
let ahead = 0

function tick() {
  const now = Date.now() + ahead
  for (const time of all('time[data-when]')) {
    const ms = Date.parse(time.dateTime) - now
    const kind = time.dataset.when
    const text =
      kind === 'age'
        ? duration(-ms)
        : ms > 0
          ? `${isSpanish ? 'en' : 'in'} ${countdown(ms)}`
          : isSpanish
            ? `hace ${duration(-ms)}`
            : `${duration(-ms)} ago`
    if (time.textContent !== text) time.textContent = text
  }
}

function localTitles() {
  for (const time of all('time[data-when]:not([data-local])')) {
    time.dataset.local = ''
    const local = new Date(time.dateTime).toLocaleString(document.documentElement.lang)
    time.title = `${local} · ${time.title}`
  }
}

/* Live */

const live = find('#live')
const off = find('#off')
let isPaused = localStorage.getItem('paused') === 'yes'
let timer = null

function showLive(state) {
  if (live === null) return
  live.dataset.state = state
  live.textContent = live.dataset[`${state}Text`]
  off.hidden = state !== 'off'
}

/** What somebody works with stays as it is: a part with the focus, or with something ticked or typed. */
function isHeld(part) {
  return (
    (part.contains(document.activeElement) && document.activeElement !== document.body) ||
    find('input:checked, tr[data-current]', part) !== null
  )
}

/** Puts the parts that have changed into the page. */
function renew(text) {
  const fresh = new DOMParser().parseFromString(text, 'text/html')
  for (const part of all('[data-live]')) {
    const next = fresh.getElementById(part.id)
    if (next === null || isHeld(part)) continue
    const shown = shapeOf(part)
    if (shown === shapeOf(next)) continue
    part.replaceChildren(...next.childNodes)
    shapes.set(part, shown)
  }
  localTitles()
  tick()
}

const shapes = new WeakMap()

/** The content of a part without what this script writes into it. */
function shapeOf(part) {
  const copy = part.cloneNode(true)
  for (const time of all('time[data-when]', copy)) {
    time.textContent = ''
    time.removeAttribute('title')
    delete time.dataset.local
  }
  return copy.innerHTML
}

async function refresh() {
  clearTimeout(timer)
  if (isPaused || document.hidden || live === null) return
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(10_000) })
    if (answer.redirected) return location.reload()
    if (!answer.ok) throw new Error(String(answer.status))
    const date = Date.parse(answer.headers.get('date') ?? '')
    if (Math.abs(date - Date.now()) > 5000) ahead = date - Date.now()
    renew(await answer.text())
    showLive('live')
  } catch {
    showLive('off')
  }
  plan()
}

/** Where events come, the page asks after each; it looks by itself for what no event tells, and where none come. */
function plan(inMs = usualMs()) {
  clearTimeout(timer)
  timer = setTimeout(() => void refresh(), inMs)
}

function usualMs() {
  if (find('[data-live] [data-often]') !== null) return OFTEN_MS
  return events?.readyState === EventSource.OPEN ? SELDOM_MS : EVERY_MS
}

let events = null

function listen() {
  if (events !== null || isPaused || document.hidden) return
  events = new EventSource('/events')
  events.addEventListener('changed', () => plan(0))
  events.addEventListener('error', () => plan(EVERY_MS))
}

function stopListening() {
  events?.close()
  events = null
}

function togglePause() {
  isPaused = !isPaused
  localStorage.setItem('paused', isPaused ? 'yes' : 'no')
  showLive(isPaused ? 'paused' : 'live')
  if (isPaused) return stopListening()
  listen()
  void refresh()
}

if (live !== null && find('[data-live]') !== null) {
  live.hidden = false
  live.addEventListener('click', togglePause)
  showLive(isPaused ? 'paused' : 'live')
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return stopListening()
    listen()
    void refresh()
  })
  addEventListener('pagehide', stopListening)
  addEventListener('pageshow', listen)
  plan()
}

/* Keys */

const keys = find('#keys')
const useKeys = find('#use-keys')
const showKeys = find('#show-keys')
let isGoing = false

if (keys !== null) {
  showKeys.hidden = false
  showKeys.addEventListener('click', () => keys.showModal())
  useKeys.checked = localStorage.getItem('keys') !== 'off'
  useKeys.addEventListener('change', () =>
    localStorage.setItem('keys', useKeys.checked ? 'on' : 'off')
  )
  document.addEventListener('keydown', press)
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const { key, target } = event
  const isField = target.matches('input:not([type=checkbox]):not([type=radio]), textarea, select')
  if (key === 'Escape') return leave(target)
  if (isField || keys.open || !useKeys.checked) return
  if (isGoing) {
    isGoing = false
    const link = find(`nav a[data-key="${CSS.escape(key)}"]`)
    if (link !== null) {
      event.preventDefault()
      link.click()
    }
    return
  }
  const act = ACTS[key]
  if (act === undefined) return
  if (act() !== false) event.preventDefault()
}

function leave(target) {
  isGoing = false
  if (keys.open) return
  for (const row of all('tr[data-current]')) delete row.dataset.current
  target.blur()
}

const ACTS = {
  g: () => void (isGoing = true),
  '/': () => find('#find').select() ?? find('#find').focus(),
  '?': () => keys.showModal(),
  '.': () => live.hidden || togglePause(),
  j: () => move(1),
  k: () => move(-1),
  x: () => find('tr[data-current] input[type=checkbox]')?.click(),
  Enter: () => {
    if (document.activeElement !== document.body) return false
    find('tr[data-current] a')?.click()
  }
}

function move(by) {
  const rows = all('table.rows tbody tr')
  if (rows.length === 0) return
  const at = rows.findIndex((row) => 'current' in row.dataset)
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + (at < 0 && by < 0 ? 1 : by)))]
  if (at >= 0) delete rows[at].dataset.current
  next.dataset.current = ''
  next.scrollIntoView({ block: 'nearest' })
}

/* Selection: shift and a click take the rows between, too */

let lastBox = null
document.addEventListener('click', (event) => {
  const box = event.target.closest?.('table.rows input[type=checkbox]')
  if (box === null || box === undefined) return
  const boxes = all('table.rows input[type=checkbox]')
  const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].toSorted((a, b) => a - b)
  if (event.shiftKey && from >= 0)
    for (const one of boxes.slice(from, to + 1)) one.checked = box.checked
  lastBox = box
})

localTitles()
tick()
setInterval(tick, 1000)
