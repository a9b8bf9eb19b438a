import type { Reason, State } from '../request.ts'

export type Language = 'en' | 'es'

/** A sentence in each language. */
export type Text = Readonly<Record<Language, string>>

/** Why a request is in its state, where it has no reason. */
export const WHY_STATE: Readonly<Record<State, Text>> = {
  queued: { en: 'It waits for a worker to send it.', es: 'Espera a que un proceso la envíe.' },
  sending: { en: 'It is being sent to Khipu.', es: 'Se está enviando a Khipu.' },
  'awaiting-callback': {
    en: 'Khipu has taken it, and will call back.',
    es: 'Khipu la recibió y responderá con un callback.'
  },
  'retry-scheduled': { en: 'It will be sent again.', es: 'Se enviará de nuevo.' },
  parked: { en: 'It waits for somebody.', es: 'Espera a una persona.' },
  delivered: { en: 'Khipu gave a good result.', es: 'Khipu entregó un buen resultado.' },
  failed: { en: 'It failed.', es: 'Falló.' },
  cancelled: { en: 'An operator cancelled it.', es: 'Un operador la canceló.' }
}

/** Why a request is in its state, by its reason. */
export const WHY: Readonly<Record<Reason, Text>> = {
  'account-busy': {
    en: 'Another request of the same account goes first.',
    es: 'Otra solicitud de la misma cuenta va primero.'
  },
  ambiguous: {
    en: 'Nobody knows whether Khipu has it, so the service awaits a callback.',
    es: 'No se sabe si Khipu la recibió, así que el servicio espera un callback.'
  },
  'authorization-expired': {
    en: 'Its authorization will have expired when it is to be sent.',
    es: 'Su autorización habrá vencido cuando deba enviarse.'
  },
  cancelled: { en: 'An operator cancelled it.', es: 'Un operador la canceló.' },
  credentials: {
    en: 'The bank refused the credentials.',
    es: 'El banco rechazó las credenciales.'
  },
  'do-not-retry': {
    en: 'Khipu said DO_NOT_RETRY.',
    es: 'Khipu respondió DO_NOT_RETRY.'
  },
  expired: { en: 'It grew too old to be sent.', es: 'Ya es muy antigua para enviarse.' },
  'logon-probe': {
    en: 'Another request tries the same bank credentials first.',
    es: 'Otra solicitud prueba antes las mismas credenciales.'
  },
  'no-callback': {
    en: 'No callback came by the deadline.',
    es: 'No llegó ningún callback dentro del plazo.'
  },
  'parked-too-long': { en: 'Nobody released it in time.', es: 'Nadie la liberó a tiempo.' },
  quarantined: {
    en: 'Its only callback was refused, and is kept in quarantine.',
    es: 'Su único callback fue rechazado y está en cuarentena.'
  },
  'refused-logon': {
    en: 'The bank refused the credentials, and Khipu asks for one more try.',
    es: 'El banco rechazó las credenciales y Khipu pide un intento más.'
  },
  rejected: { en: 'Khipu refused the request itself.', es: 'Khipu rechazó la solicitud misma.' },
  'retries-exhausted': {
    en: 'All its retries are spent.',
    es: 'Se agotaron todos sus reintentos.'
  },
  'retry-after-notification': {
    en: 'Khipu said RETRY_AFTER_NOTIFICATION.',
    es: 'Khipu respondió RETRY_AFTER_NOTIFICATION.'
  },
  'retry-immediately': {
    en: 'Khipu said RETRY_IMMEDIATELY.',
    es: 'Khipu respondió RETRY_IMMEDIATELY.'
  },
  temporary: { en: 'Khipu was not available.', es: 'Khipu no estaba disponible.' },
  unauthorized: {
    en: 'Khipu refused the authorization.',
    es: 'Khipu rechazó la autorización.'
  },
  'unknown-type': {
    en: 'Khipu gave an error Type that is unknown, or none.',
    es: 'Khipu dio un Type de error desconocido, o ninguno.'
  },
  'unreadable-answer': {
    en: "Khipu's immediate answer could not be read.",
    es: 'No se pudo leer la respuesta inmediata de Khipu.'
  },
  'wait-4-hours': {
    en: 'Khipu said WAIT_4_HOURS_BEFORE_RETRY.',
    es: 'Khipu respondió WAIT_4_HOURS_BEFORE_RETRY.'
  }
}

/** The rule that decides what comes next. */
export const RULE = {
  retry: (retries: number): Text => ({
    en: `At most ${retries} retries for this cause; then it fails retries-exhausted.`,
    es: `Como máximo ${retries} reintentos por esta causa; después falla con retries-exhausted.`
  }),
  parked: (days: number): Text => ({
    en: `It waits for somebody for at most ${days} days; then it fails parked-too-long.`,
    es: `Espera a una persona por ${days} días como máximo; después falla con parked-too-long.`
  }),
  deadline: {
    en: 'A callback decides. Without one the deadline does.',
    es: 'Decide un callback. Sin él, decide el plazo.'
  },
  turn: {
    en: 'Requests of one account, or with refused credentials, are sent one at a time.',
    es: 'Las solicitudes de una cuenta, o con credenciales rechazadas, se envían de a una.'
  },
  send: {
    en: 'It is sent as soon as a worker is free.',
    es: 'Se envía apenas haya un proceso libre.'
  },
  ended: { en: 'It has ended: nothing more happens.', es: 'Terminó: no ocurre nada más.' }
} as const satisfies Readonly<Record<string, Text | ((count: number) => Text)>>

export const WARNING = {
  refused: {
    en: 'It sends the credentials that the bank refused again.',
    es: 'Envía de nuevo las credenciales que el banco rechazó.'
  },
  early: {
    en: 'Khipu asked to wait longer.',
    es: 'Khipu pidió esperar más.'
  },
  paid: {
    en: 'Khipu may have it already, and bills it all the same.',
    es: 'Es posible que Khipu ya la tenga, y la cobra de todos modos.'
  }
} as const satisfies Readonly<Record<string, Text>>
