import type { Text } from '../../../core/explain/texts.ts'

/** The list of requests. */
export const LIST = {
  title: { en: 'Requests', es: 'Solicitudes' },
  label: { en: 'Search', es: 'Búsqueda' },
  examples: { en: 'Examples', es: 'Ejemplos' },
  match: (count: string): Text => ({
    en: `${count} match, newest first`,
    es: `${count} coinciden, las más recientes primero`
  }),
  matchByDue: { en: 'Next step first', es: 'Próximo paso primero' },
  some: (count: number): Text => ({
    en: `${count} on this page, newest first`,
    es: `${count} en esta página, las más recientes primero`
  }),
  partial: {
    en: 'The page is short because it has read as much as it may. Go on with Older.',
    es: 'La página es corta porque ya leyó lo permitido. Siga con Anteriores.'
  },
  select: { en: 'Select', es: 'Elegir' },
  request: { en: 'Request', es: 'Solicitud' },
  state: { en: 'State', es: 'Estado' },
  why: { en: 'Why', es: 'Por qué' },
  bank: { en: 'Bank', es: 'Banco' },
  account: { en: 'Account', es: 'Cuenta' },
  reference: { en: 'Reference', es: 'Referencia' },
  tries: { en: 'Tries', es: 'Intentos' },
  requested: { en: 'Requested', es: 'Pedida' },
  next: { en: 'Next step', es: 'Próximo paso' },
  empty: { en: 'Nothing matches.', es: 'Nada coincide.' },
  emptyText: {
    en: 'The search covers every request that the ledger still keeps.',
    es: 'La búsqueda cubre toda solicitud que el registro aún conserva.'
  },
  showAll: { en: 'Show all', es: 'Ver todas' },
  none: { en: 'No request yet.', es: 'Aún no hay solicitudes.' },
  firstOne: { en: 'See the first one to make', es: 'Ver la primera que hacer' }
} as const

/** Why a search can not be read. */
export const MISTAKE = {
  'unknown-qualifier': (word: string): Text => ({
    en: `“${word}:” is no qualifier. There are:`,
    es: `“${word}:” no es un calificador. Existen:`
  }),
  'free-text': (word: string): Text => ({
    en: `“${word}” is neither an id nor of the form qualifier:value. Free text is not searched.`,
    es: `“${word}” no es un id ni tiene la forma calificador:valor. No se busca texto libre.`
  }),
  repeated: (word: string): Text => ({
    en: `“${word}” repeats a qualifier. Put several values into one word, with commas.`,
    es: `“${word}” repite un calificador. Ponga varios valores en una palabra, con comas.`
  }),
  'unknown-value': (word: string): Text => ({
    en: `“${word}” has no such value. Values look like:`,
    es: `“${word}” no tiene ese valor. Los valores son como:`
  })
} as const

/** One request. */
export const STORY = {
  why: { en: 'Why', es: 'Por qué' },
  next: { en: 'Next', es: 'Qué sigue' },
  you: { en: 'You can', es: 'Usted puede' },
  nothingForYou: { en: 'Nothing is to do.', es: 'No hay nada que hacer.' },
  wait: { en: 'Nothing needs you. It goes on by itself.', es: 'Nada lo necesita. Sigue sola.' },
  sends: { en: 'It is sent again', es: 'Se envía de nuevo' },
  sendsFirst: {
    en: 'It is sent as soon as a worker is free.',
    es: 'Se envía apenas haya un proceso libre.'
  },
  sendsAfter: {
    en: 'It is sent once the other request is over:',
    es: 'Se envía cuando termine la otra:'
  },
  awaits: {
    en: 'Khipu calls back. The deadline is',
    es: 'Khipu responde con un callback. El plazo es'
  },
  fails: { en: 'Nothing by itself. It fails', es: 'Nada por sí sola. Falla' },
  ended: { en: 'Nothing more happens.', es: 'No ocurre nada más.' },
  midnight: { en: 'That is another day at the bank.', es: 'Ya es otro día en el banco.' },
  timeline: { en: 'Timeline', es: 'Historia' },
  facts: { en: 'Facts', es: 'Datos' },
  attempt: { en: 'attempt', es: 'intento' },
  by: { en: 'by', es: 'por' },
  nextStep: { en: 'Next step', es: 'Próximo paso' },
  service: { en: 'Service', es: 'Servicio' },
  account: { en: 'Account', es: 'Cuenta' },
  endsWith: { en: 'ends with', es: 'termina en' },
  reference: { en: 'Reference', es: 'Referencia' },
  operation: { en: 'Operation', es: 'Operación' },
  requestedBy: { en: 'Requested by', es: 'Pedida por' },
  since: { en: 'In this state', es: 'En este estado' },
  spent: { en: 'Attempts', es: 'Intentos' },
  logons: { en: 'Refused log-ons', es: 'Credenciales rechazadas' },
  of: { en: 'of at most', es: 'de un máximo de' },
  rule: { en: 'Rule', es: 'Regla' },
  fromFile: { en: 'from your policy file', es: 'de su archivo de política' },
  builtIn: { en: 'built in', es: 'incorporada' },
  blockedBy: { en: 'Waits for', es: 'Espera a' }
} as const satisfies Readonly<Record<string, Text>>

/** What can be done with one request: the button, the question, what it does, and what was done. */
export const ACTION = {
  retry: {
    button: { en: 'Send now…', es: 'Enviar ahora…' },
    question: { en: 'Send it now?', es: '¿Enviarla ahora?' },
    effect: {
      en: 'It is sent to Khipu at once, and costs one request. A result that was set aside is published again, which costs nothing.',
      es: 'Se envía a Khipu de inmediato y cuesta una solicitud. Un resultado apartado se publica otra vez, sin costo.'
    },
    submit: { en: 'Send now', es: 'Enviar ahora' },
    done: { en: 'It is sent now.', es: 'Se envía ahora.' }
  },
  authorization: {
    button: { en: 'Give another authorization…', es: 'Dar otra autorización…' },
    question: { en: 'Give another authorization?', es: '¿Dar otra autorización?' },
    effect: {
      en: 'It replaces the authorization of this request, and is encrypted at once. A request that waits for one is released.',
      es: 'Reemplaza la autorización de esta solicitud y se cifra de inmediato. Una solicitud que espera por ella se libera.'
    },
    submit: { en: 'Give authorization', es: 'Dar autorización' },
    done: { en: 'The authorization was replaced.', es: 'La autorización fue reemplazada.' }
  },
  cancel: {
    button: { en: 'Cancel…', es: 'Cancelar…' },
    question: { en: 'Cancel this request?', es: '¿Cancelar esta solicitud?' },
    effect: {
      en: 'It ends with a result of the outcome failed and the reason cancelled. That can not be undone.',
      es: 'Termina con un resultado failed y el motivo cancelled. No se puede deshacer.'
    },
    submit: { en: 'Cancel the request', es: 'Cancelar la solicitud' },
    done: { en: 'The request was cancelled.', es: 'La solicitud fue cancelada.' }
  }
} as const satisfies Readonly<Record<string, Readonly<Record<string, Text>>>>

export const AUTHORIZATION = {
  kind: { en: 'Kind', es: 'Tipo' },
  value: { en: 'Value', es: 'Valor' },
  invalid: {
    en: 'Give a JWT or an API key: visible characters, no white space.',
    es: 'Dé un JWT o una API key: caracteres visibles, sin espacios.'
  }
} as const satisfies Readonly<Record<string, Text>>
