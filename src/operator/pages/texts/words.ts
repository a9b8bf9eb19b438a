import type { Text } from '../../../core/explain/texts.ts'
import type { Reason, State } from '../../../core/request.ts'
import type { Advice, QuarantineKind } from '../../../schemas/generated.ts'

// What the pages call the words of the API.

export const STATE_WORD: Readonly<Record<State, Text>> = {
  queued: { en: 'Queued', es: 'En cola' },
  sending: { en: 'Sending', es: 'Enviando' },
  'awaiting-callback': { en: 'Awaiting callback', es: 'Espera callback' },
  'retry-scheduled': { en: 'Retry scheduled', es: 'Reintento programado' },
  parked: { en: 'Parked', es: 'Detenida' },
  delivered: { en: 'Delivered', es: 'Entregada' },
  failed: { en: 'Failed', es: 'Fallida' },
  cancelled: { en: 'Cancelled', es: 'Cancelada' }
}

export const REASON_WORD: Readonly<Record<Reason, Text>> = {
  'account-busy': { en: 'Account busy', es: 'Cuenta ocupada' },
  ambiguous: { en: 'Ambiguous', es: 'Ambigua' },
  'authorization-expired': { en: 'Authorization expired', es: 'Autorización vencida' },
  cancelled: { en: 'Cancelled', es: 'Cancelada' },
  credentials: { en: 'Credentials', es: 'Credenciales' },
  'do-not-retry': { en: 'Do not retry', es: 'No reintentar' },
  expired: { en: 'Expired', es: 'Vencida' },
  'logon-probe': { en: 'Log-on probe', es: 'Prueba de credenciales' },
  'no-callback': { en: 'No callback', es: 'Sin callback' },
  'parked-too-long': { en: 'Parked too long', es: 'Detenida demasiado tiempo' },
  quarantined: { en: 'Quarantined', es: 'En cuarentena' },
  'refused-logon': { en: 'Refused log-on', es: 'Credenciales rechazadas' },
  rejected: { en: 'Rejected', es: 'Rechazada' },
  'retries-exhausted': { en: 'Retries exhausted', es: 'Reintentos agotados' },
  'retry-after-notification': { en: 'Retry after notification', es: 'Reintentar tras aviso' },
  'retry-immediately': { en: 'Retry immediately', es: 'Reintentar de inmediato' },
  temporary: { en: 'Temporary', es: 'Temporal' },
  unauthorized: { en: 'Unauthorized', es: 'Sin autorización' },
  'unknown-type': { en: 'Unknown type', es: 'Tipo desconocido' },
  'unreadable-answer': { en: 'Unreadable answer', es: 'Respuesta ilegible' },
  'wait-4-hours': { en: 'Wait 4 hours', es: 'Esperar 4 horas' }
}

export const ADVICE_TEXT: Readonly<Record<Advice, Text>> = {
  'wait-then-release': {
    en: 'Wait for Khipu’s notice, then release',
    es: 'Esperar el aviso de Khipu y liberar'
  },
  'ask-then-release': {
    en: 'Look at one, ask Khipu, then release or cancel',
    es: 'Mirar una, preguntar a Khipu y liberar o cancelar'
  },
  'give-authorization': { en: 'Give another authorization', es: 'Dar otra autorización' },
  'give-credentials': {
    en: 'Give the right credentials, then release one',
    es: 'Dar las credenciales correctas y liberar una'
  },
  'look-at-quarantine': { en: 'Look at the quarantine', es: 'Mirar la cuarentena' }
}

export const KIND_TEXT: Readonly<Record<QuarantineKind, Text>> = {
  'not-json': { en: 'Not JSON', es: 'No es JSON' },
  schema: { en: 'Breaks the schema', es: 'Infringe el esquema' },
  conflict: { en: 'Conflict', es: 'Conflicto' },
  late: { en: 'Late', es: 'Tardío' }
}

/** The events of a history. */
export const EVENT_WORD: ReadonlyMap<string, Text> = new Map([
  ['accepted', { en: 'Accepted', es: 'Aceptada' }],
  ['sending', { en: 'Sending', es: 'Envío' }],
  ['acknowledged', { en: 'Acknowledged', es: 'Recibida por Khipu' }],
  ['ambiguous', { en: 'Outcome unknown', es: 'Desenlace desconocido' }],
  ['answered', { en: 'Answered at once', es: 'Respondida de inmediato' }],
  ['answer-superseded', { en: 'Answer superseded', es: 'Respuesta reemplazada' }],
  ['callback', { en: 'Callback', es: 'Callback' }],
  ['callback-late', { en: 'Callback after the end', es: 'Callback después del fin' }],
  ['callback-superseded', { en: 'Callback superseded', es: 'Callback reemplazado' }],
  ['deadline-passed', { en: 'Deadline passed', es: 'Plazo vencido' }],
  ['account-busy', { en: 'Waits for its account', es: 'Espera su cuenta' }],
  ['logon-probe', { en: 'Waits for a probe', es: 'Espera una prueba' }],
  ['retry-scheduled', { en: 'Retry scheduled', es: 'Reintento programado' }],
  ['parked', { en: 'Parked', es: 'Detenida' }],
  ['released', { en: 'Released', es: 'Liberada' }],
  ['retry-requested', { en: 'Retry requested', es: 'Reintento pedido' }],
  ['authorization-given', { en: 'Authorization given', es: 'Autorización entregada' }],
  ['quarantine-accepted', { en: 'Kept body accepted', es: 'Cuerpo aceptado' }],
  ['quarantine-discarded', { en: 'Kept body discarded', es: 'Cuerpo descartado' }],
  ['delivered', { en: 'Delivered', es: 'Entregada' }],
  ['failed', { en: 'Failed', es: 'Fallida' }],
  ['cancelled', { en: 'Cancelled', es: 'Cancelada' }],
  ['result-published', { en: 'Result on the queue', es: 'Resultado en la cola' }],
  ['publication-retried', { en: 'Publication retried', es: 'Publicación reintentada' }]
])
