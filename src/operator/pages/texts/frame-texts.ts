import type { Text } from '../../../core/explain/texts.ts'

/** What stands around every screen. */
export const FRAME = {
  product: { en: 'Khipu receiver', es: 'Khipu receiver' },
  skip: { en: 'Skip to the content', es: 'Ir al contenido' },
  navigation: { en: 'Pages', es: 'Páginas' },
  overview: { en: 'Overview', es: 'Resumen' },
  requests: { en: 'Requests', es: 'Solicitudes' },
  parked: { en: 'Parked', es: 'Detenidas' },
  quarantine: { en: 'Quarantine', es: 'Cuarentena' },
  operations: { en: 'Operations', es: 'Operaciones' },
  audit: { en: 'Audit', es: 'Auditoría' },
  queues: { en: 'Queues', es: 'Colas' },
  docs: { en: 'API', es: 'API' },
  search: { en: 'Search', es: 'Buscar' },
  searchHint: {
    en: 'id, state:parked, code:E201, reference:…',
    es: 'id, state:parked, code:E201, reference:…'
  },
  logOut: { en: 'Log out', es: 'Salir' },
  live: { en: 'Live', es: 'En vivo' },
  paused: { en: 'Paused', es: 'En pausa' },
  off: { en: 'Off', es: 'Sin conexión' },
  offText: {
    en: 'The service does not answer. What you see may be old.',
    es: 'El servicio no responde. Lo que ve puede ser antiguo.'
  },
  keys: { en: 'Keys', es: 'Teclas' },
  close: { en: 'Close', es: 'Cerrar' },
  language: { en: 'Español', es: 'English' },
  asCommand: { en: 'The same with curl', es: 'Lo mismo con curl' },
  commandHint: {
    en: 'TOKEN is your token of API_TOKENS.',
    es: 'TOKEN es su token de API_TOKENS.'
  },
  back: { en: 'Back', es: 'Volver' },
  older: { en: 'Older', es: 'Anteriores' },
  newest: { en: 'Newest', es: 'Más recientes' },
  csv: { en: 'This page as CSV', es: 'Esta página en CSV' },
  none: { en: 'None', es: 'Ninguno' }
} as const satisfies Readonly<Record<string, Text>>

/** What each key does. */
export const KEYS: readonly (readonly [keys: string, text: Text])[] = [
  ['g o', FRAME.overview],
  ['g r', FRAME.requests],
  ['g p', FRAME.parked],
  ['g q', FRAME.quarantine],
  ['g b', FRAME.operations],
  ['g a', FRAME.audit],
  ['/', { en: 'Search', es: 'Buscar' }],
  ['j k', { en: 'Next and previous row', es: 'Fila siguiente y anterior' }],
  ['x', { en: 'Select the row', es: 'Elegir la fila' }],
  ['Enter', { en: 'Open the row', es: 'Abrir la fila' }],
  ['.', { en: 'Pause or go on live', es: 'Pausar o seguir en vivo' }],
  ['?', { en: 'This list', es: 'Esta lista' }],
  ['Esc', { en: 'Close, leave a field', es: 'Cerrar, salir de un campo' }]
]

export const USE_KEYS: Text = { en: 'Use these keys', es: 'Usar estas teclas' }

/** The log-in form, and why it is shown again. */
export const LOG_IN = {
  title: { en: 'Log in', es: 'Entrar' },
  token: { en: 'Token', es: 'Token' },
  hint: {
    en: 'A token of API_TOKENS, without its name. The session ends after 12 hours, or when the token leaves API_TOKENS.',
    es: 'Un token de API_TOKENS, sin su nombre. La sesión termina tras 12 horas, o cuando el token sale de API_TOKENS.'
  },
  submit: { en: 'Log in', es: 'Entrar' },
  wrong: { en: 'No such token.', es: 'No existe ese token.' },
  tooMany: {
    en: 'Too many wrong tokens from your address. Try again in a minute.',
    es: 'Demasiados tokens incorrectos desde su dirección. Intente en un minuto.'
  },
  plain: {
    en: 'This page comes over plain http: others on the way can read the token. Use https or an SSH tunnel.',
    es: 'Esta página llega por http sin cifrar: otros en el camino pueden leer el token. Use https o un túnel SSH.'
  },
  bye: { en: 'You are logged out.', es: 'Ha salido.' }
} as const satisfies Readonly<Record<string, Text>>

/** Pages of errors. */
export const ERROR = {
  title: { en: 'That did not work', es: 'No se pudo' },
  missing: { en: 'There is no such page.', es: 'No existe esa página.' },
  scope: {
    en: 'Your token’s scope does not allow this.',
    es: 'El alcance de su token no lo permite.'
  },
  foreign: {
    en: 'The form did not come from this page, or is too old. Go back, load the page again and repeat it.',
    es: 'El formulario no viene de esta página, o es muy antiguo. Vuelva, recargue la página y repita.'
  },
  away: {
    en: 'The store does not answer. Nothing was changed, as far as it is known. Try again soon.',
    es: 'El almacén no responde. Hasta donde se sabe, nada cambió. Intente de nuevo pronto.'
  },
  start: { en: 'To the overview', es: 'Al resumen' }
} as const satisfies Readonly<Record<string, Text>>

/** What the codes of problem documents mean, where a page can meet them. */
export const PROBLEM_TEXT: ReadonlyMap<string, Text> = new Map([
  ['unknown-request', { en: 'There is no such request.', es: 'No existe esa solicitud.' }],
  [
    'unknown-quarantine-entry',
    { en: 'There is no such quarantine entry.', es: 'No existe esa entrada en cuarentena.' }
  ],
  ['state-forbids', { en: 'Its state forbids it by now.', es: 'Su estado ya no lo permite.' }],
  ['attempts-used-up', { en: 'It has used up its attempts.', es: 'Ya agotó sus intentos.' }],
  ['request-gone', { en: 'Its request is no longer known.', es: 'Su solicitud ya no existe.' }],
  [
    'request-delivered',
    { en: 'Its request was delivered already.', es: 'Su solicitud ya fue entregada.' }
  ],
  [
    'request-ended',
    {
      en: 'It holds no result, and its request has ended.',
      es: 'No trae resultado y su solicitud ya terminó.'
    }
  ],
  [
    'body-known',
    { en: 'Its request has seen this body already.', es: 'La solicitud ya tuvo ese cuerpo.' }
  ],
  [
    'attempt-answered',
    { en: 'Its attempt was answered meanwhile.', es: 'El intento ya fue respondido.' }
  ],
  [
    'late-result-known',
    {
      en: 'Its request has a late result already.',
      es: 'La solicitud ya tiene un resultado tardío.'
    }
  ],
  ['body-not-acceptable', { en: 'The body is not acceptable.', es: 'El cuerpo no es aceptable.' }],
  [
    'unknown-cursor',
    { en: 'That page of the list does not exist.', es: 'Esa página de la lista no existe.' }
  ]
])
