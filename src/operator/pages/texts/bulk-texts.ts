import type { Text } from '../../../core/explain/texts.ts'
import type { OperationAction, OperationView } from '../../../schemas/generated.ts'

interface BulkWords {
  readonly name: Text
  readonly some: Text
  readonly all: (count: number) => Text
  readonly question: (count: number) => Text
  readonly submit: (count: number) => Text
}

const requests = (count: number) => (count === 1 ? '1 request' : `${count} requests`)
const solicitudes = (count: number) => (count === 1 ? '1 solicitud' : `${count} solicitudes`)
const bodies = (count: number) => (count === 1 ? '1 body' : `${count} bodies`)
const cuerpos = (count: number) => (count === 1 ? '1 cuerpo' : `${count} cuerpos`)

const words = (en: string, es: string, things = requests, cosas = solicitudes): BulkWords => ({
  name: { en, es },
  some: { en: `${en} selected…`, es: `${es} las elegidas…` },
  all: (count) => ({ en: `${en} all ${count}…`, es: `${es} las ${count}…` }),
  question: (count) => ({ en: `${en} ${things(count)}?`, es: `¿${es} ${cosas(count)}?` }),
  submit: (count) => ({ en: `${en} ${count}`, es: `${es} ${count}` })
})

/** The actions on many at once. */
export const BULK_ACTION: Readonly<Record<OperationAction, BulkWords>> = {
  release: words('Release', 'Liberar'),
  retry: words('Retry', 'Reintentar'),
  cancel: words('Cancel', 'Cancelar'),
  accept: words('Accept', 'Aceptar', bodies, cuerpos),
  discard: words('Discard', 'Descartar', bodies, cuerpos)
}

export const BULK = {
  matches: { en: 'Matches', es: 'Coincide' },
  fixed: {
    en: 'The selection is fixed when you start. What matches later is not part of it.',
    es: 'La selección se fija al comenzar. Lo que coincida después no es parte de ella.'
  },
  selected: { en: 'The requests that you selected', es: 'Las solicitudes que eligió' },
  bank: { en: 'Bank', es: 'Banco' },
  requests: { en: 'Requests', es: 'Solicitudes' },
  credentials: { en: 'Bank credentials', es: 'Credenciales' },
  costs: (count: number): Text => ({
    en: `Costs at most ${requests(count)} at Khipu.`,
    es: `Cuesta como máximo ${solicitudes(count)} en Khipu.`
  }),
  free: { en: 'It sends nothing to Khipu.', es: 'No envía nada a Khipu.' },
  notAllowed: (count: number): Text => ({
    en: `${count} of them can not be sent: their attempts are used up, or Khipu’s four hours are not over.`,
    es: `${count} de ellas no se pueden enviar: agotaron sus intentos o no terminan las cuatro horas de Khipu.`
  }),
  how: { en: 'How', es: 'Cómo' },
  canary: {
    en: 'One of each bank first, the rest when that one has come back well',
    es: 'Una de cada banco primero, el resto cuando esa haya vuelto bien'
  },
  noCanary: { en: 'All, at the pace', es: 'Todas, al ritmo' },
  pace: { en: 'Per second, at most', es: 'Por segundo, como máximo' },
  limit: { en: 'At most', es: 'Como máximo' },
  note: { en: 'Reason, for the history', es: 'Motivo, para la historia' },
  typed: (count: number): Text => ({
    en: `These are many. Type ${count} to go on`,
    es: `Son muchas. Escriba ${count} para seguir`
  }),
  mistyped: {
    en: 'The number is not the one that was asked for.',
    es: 'El número no es el pedido.'
  },
  changed: {
    en: 'The selection has changed meanwhile. Look at the new number before you go on.',
    es: 'La selección cambió entretanto. Mire el nuevo número antes de seguir.'
  },
  nothing: { en: 'Nothing matches any more.', es: 'Ya nada coincide.' },
  notBySearch: {
    en: 'Actions on all take no reference, operation, account or due. Select rows instead.',
    es: 'Las acciones sobre todas no aceptan reference, operation, account ni due. Elija filas.'
  }
} as const

export const OPERATION_STATE: Readonly<Record<OperationView['state'], Text>> = {
  canary: { en: 'Waits for its first ones', es: 'Espera a las primeras' },
  running: { en: 'Running', es: 'En marcha' },
  stopping: { en: 'Stopping', es: 'Deteniéndose' },
  stopped: { en: 'Stopped', es: 'Detenida' },
  done: { en: 'Done', es: 'Terminada' }
}

export const OPERATIONS = {
  title: { en: 'Operations', es: 'Operaciones' },
  intro: {
    en: 'What was done to many at once, newest first.',
    es: 'Lo hecho a muchas a la vez, lo más reciente primero.'
  },
  empty: { en: 'Nothing was done to many at once.', es: 'No se hizo nada a muchas a la vez.' },
  emptyText: {
    en: 'Release a cause on the page Parked, or select requests of a search.',
    es: 'Libere una causa en la página Detenidas, o elija solicitudes de una búsqueda.'
  },
  what: { en: 'What', es: 'Qué' },
  state: { en: 'State', es: 'Estado' },
  progress: { en: 'Progress', es: 'Avance' },
  by: { en: 'By', es: 'Por' },
  started: { en: 'Started', es: 'Comenzó' },
  of: (done: number, matched: number): Text => ({
    en: `${done} of ${matched} done`,
    es: `${done} de ${matched} hechas`
  }),
  refused: { en: 'refused', es: 'rechazadas' },
  skipped: { en: 'no longer matched', es: 'ya no coincidían' },
  delivered: { en: 'Delivered', es: 'Entregadas' },
  failed: { en: 'Failed', es: 'Fallidas' },
  parkedAgain: { en: 'Parked again', es: 'Detenidas otra vez' },
  open: { en: 'Open', es: 'Abiertas' },
  outcomes: { en: 'What became of them', es: 'Qué fue de ellas' },
  held: { en: 'Held back', es: 'Retenidas' },
  because: { en: 'Because of the first one', es: 'Por la primera' },
  goOn: { en: 'Let them go on', es: 'Dejarlas seguir' },
  stop: { en: 'Stop', es: 'Detener' },
  see: { en: 'See its requests', es: 'Ver sus solicitudes' }
} as const
