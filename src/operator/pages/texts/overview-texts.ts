import type { Text } from '../../../core/explain/texts.ts'

/** The overview, and what is parked. */
export const OVERVIEW = {
  calm: { en: 'Nothing waits for anybody.', es: 'Nada espera a nadie.' },
  sound: {
    en: 'Nothing is lost, nothing is overdue.',
    es: 'Nada se perdió, nada está atrasado.'
  },
  lookParked: { en: 'Look at what is parked', es: 'Ver lo detenido' },
  lookQuarantine: { en: 'Look at the quarantine', es: 'Ver la cuarentena' },
  states: { en: 'Requests by state', es: 'Solicitudes por estado' },
  lastDay: { en: '24 h', es: '24 h' },
  oldest: { en: 'oldest', es: 'más antigua' },
  somebody: { en: 'Needs somebody', es: 'Necesita a alguien' },
  nobody: { en: 'Nothing waits for you.', es: 'Nada espera por usted.' },
  itself: { en: 'Repeats by itself', es: 'Se repite solo' },
  nothing: { en: 'Nothing waits for a retry.', es: 'Nada espera un reintento.' },
  banks: { en: 'Banks', es: 'Bancos' },
  reason: { en: 'Reason', es: 'Motivo' },
  code: { en: 'Code', es: 'Código' },
  bank: { en: 'Bank', es: 'Banco' },
  count: { en: 'Requests', es: 'Solicitudes' },
  oldestTitle: { en: 'Oldest', es: 'Más antigua' },
  todo: { en: 'What to do', es: 'Qué hacer' },
  live: { en: 'Live', es: 'Vivas' },
  warnings: { en: 'Warnings', es: 'Advertencias' },
  indexing: {
    en: 'The requests of an older version are being counted. Groups and states are not complete yet.',
    es: 'Se están contando las solicitudes de una versión anterior. Grupos y estados aún no están completos.'
  },
  emptyTitle: { en: 'No request yet', es: 'Aún no hay solicitudes' },
  emptyText: {
    en: 'The receiver asks Khipu for bank transactions, takes the callback, and puts exactly one result job on your queue. Here you see every request on its way, and what waits for a person. Make the first one:',
    es: 'El receptor pide movimientos bancarios a Khipu, recibe el callback y pone exactamente un resultado en su cola. Aquí se ve cada solicitud en camino y lo que espera a una persona. Haga la primera:'
  },
  emptyAfter: {
    en: 'It appears here at once. The API page describes every call.',
    es: 'Aparece aquí de inmediato. La página API describe cada llamada.'
  }
} as const satisfies Readonly<Record<string, Text>>

export const DUE = {
  title: { en: 'Next steps, six hours', es: 'Próximos pasos, seis horas' }
} as const satisfies Readonly<Record<string, Text>>

export const FLOW = {
  title: { en: 'Flow per minute, last hour', es: 'Flujo por minuto, última hora' }
} as const satisfies Readonly<Record<string, Text>>

/** The sentences of the verdict. */
export const PARKED = {
  intro: {
    en: 'Requests that wait for somebody, by cause. Nothing happens to them before a person acts.',
    es: 'Solicitudes que esperan a una persona, por causa. Nada ocurre con ellas hasta que alguien actúe.'
  },
  look: { en: 'Look at them', es: 'Verlas' },
  lookOne: { en: 'Look at the oldest', es: 'Ver la más antigua' },
  failsAfter: {
    en: 'It fails by itself when nobody acts in time.',
    es: 'Falla sola si nadie actúa a tiempo.'
  },
  empty: { en: 'Nothing waits for you.', es: 'Nada espera por usted.' },
  emptyText: {
    en: 'A request is parked when Khipu asks to wait for a notice, or refuses credentials or authorization. It would appear here.',
    es: 'Una solicitud se detiene cuando Khipu pide esperar un aviso, o rechaza credenciales o autorización. Aparecería aquí.'
  },
  many: (count: number): Text => ({
    en: count === 1 ? '1 request' : `${count} requests`,
    es: count === 1 ? '1 solicitud' : `${count} solicitudes`
  })
} as const
