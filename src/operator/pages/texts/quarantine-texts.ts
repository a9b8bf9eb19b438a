import type { Text } from '../../../core/explain/texts.ts'

/** The quarantine. */
export const QUARANTINE = {
  intro: {
    en: 'Bodies that could not be accepted, kept encrypted and byte for byte. A page never shows a body.',
    es: 'Cuerpos que no se pudieron aceptar, guardados cifrados y byte por byte. Una página nunca muestra un cuerpo.'
  },
  empty: { en: 'No body was refused.', es: 'Ningún cuerpo fue rechazado.' },
  emptyText: {
    en: 'A callback that breaks the envelope’s schema, comes late or contradicts another is kept here.',
    es: 'Aquí se guarda un callback que infringe el esquema, llega tarde o contradice a otro.'
  },
  every: { en: 'Every kind', es: 'Todos los tipos' },
  noneOfKind: { en: 'No body of this kind is kept.', es: 'No hay cuerpos de este tipo.' },
  all: { en: 'All kept bodies', es: 'Todos los cuerpos guardados' },
  bulk: {
    accept: { en: 'Validate again and accept these…', es: 'Validar otra vez y aceptar estos…' },
    discard: { en: 'Discard these…', es: 'Descartar estos…' }
  },
  kind: { en: 'Kind', es: 'Tipo' },
  entry: { en: 'Entry', es: 'Entrada' },
  request: { en: 'Request', es: 'Solicitud' },
  attempt: { en: 'Attempt', es: 'Intento' },
  size: { en: 'Size', es: 'Tamaño' },
  received: { en: 'Received', es: 'Recibido' },
  breaks: { en: 'Breaks', es: 'Infringe' },
  violations: { en: 'Violations', es: 'Infracciones' },
  path: { en: 'Path', es: 'Ruta' },
  rule: { en: 'Rule', es: 'Regla' },
  message: { en: 'Message', es: 'Mensaje' },
  noViolation: {
    en: 'None: it was answered with 200, but came too late or contradicts another one.',
    es: 'Ninguna: se respondió 200, pero llegó tarde o contradice a otro.'
  },
  state: { en: 'The request now', es: 'La solicitud ahora' },
  gone: { en: 'no longer known', es: 'ya no se conoce' },
  download: {
    en: 'The API shows the body to a token of the scope admin.',
    es: 'La API muestra el cuerpo a un token de alcance admin.'
  },
  title: { en: 'Quarantined body', es: 'Cuerpo en cuarentena' }
} as const

/** What can be done with an entry. */
export const ENTRY_ACTION = {
  accept: {
    button: { en: 'Validate again and accept…', es: 'Validar otra vez y aceptar…' },
    question: { en: 'Validate again and accept?', es: '¿Validar otra vez y aceptar?' },
    effect: {
      en: 'The body is checked again. If it passes, its request takes it as a callback, or gets it as its late result.',
      es: 'El cuerpo se revisa otra vez. Si pasa, su solicitud lo toma como callback o lo recibe como resultado tardío.'
    },
    submit: { en: 'Accept', es: 'Aceptar' },
    done: { en: 'The body was accepted.', es: 'El cuerpo fue aceptado.' }
  },
  force: {
    button: { en: 'Force…', es: 'Forzar…' },
    question: {
      en: 'Accept although it breaks the schema?',
      es: '¿Aceptar aunque infringe el esquema?'
    },
    effect: {
      en: 'The body goes through as it is. Do this only after somebody has read it and trusts that Khipu sent it.',
      es: 'El cuerpo pasa tal como está. Hágalo solo si alguien lo leyó y confía en que Khipu lo envió.'
    },
    submit: { en: 'Force', es: 'Forzar' },
    done: { en: 'The body was accepted.', es: 'El cuerpo fue aceptado.' }
  },
  discard: {
    button: { en: 'Discard…', es: 'Descartar…' },
    question: { en: 'Discard this body?', es: '¿Descartar este cuerpo?' },
    effect: {
      en: 'The body is deleted. The history of its request keeps that it was there.',
      es: 'El cuerpo se elimina. La historia de su solicitud conserva que existió.'
    },
    submit: { en: 'Discard', es: 'Descartar' },
    done: { en: 'The body was discarded.', es: 'El cuerpo fue descartado.' }
  }
} as const satisfies Readonly<Record<string, Readonly<Record<string, Text>>>>
