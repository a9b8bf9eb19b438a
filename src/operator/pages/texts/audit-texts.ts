import type { Text } from '../../../core/explain/texts.ts'
import type { AuditAction } from '../../audit.ts'

export const AUDIT = {
  intro: {
    en: 'Who changed or saw what, newest first.',
    es: 'Quién cambió o vio qué, lo más reciente primero.'
  },
  when: { en: 'When', es: 'Cuándo' },
  by: { en: 'Token', es: 'Token' },
  action: { en: 'Action', es: 'Acción' },
  target: { en: 'Of what', es: 'De qué' },
  detail: { en: 'Detail', es: 'Detalle' },
  empty: {
    en: 'Nobody has changed or seen anything yet.',
    es: 'Nadie ha cambiado ni visto nada aún.'
  },
  noMatch: { en: 'Nothing matches.', es: 'Nada coincide.' },
  all: { en: 'Show all', es: 'Ver todo' },
  every: { en: 'Every action', es: 'Toda acción' },
  filter: { en: 'Filter', es: 'Filtrar' }
} as const satisfies Readonly<Record<string, Text>>

export const AUDIT_WORD: Readonly<Record<AuditAction, Text>> = {
  'authorization-given': { en: 'Authorization given', es: 'Autorización entregada' },
  'body-read': { en: 'Body read', es: 'Cuerpo leído' },
  'quarantine-accepted': { en: 'Kept body accepted', es: 'Cuerpo aceptado' },
  'quarantine-discarded': { en: 'Kept body discarded', es: 'Cuerpo descartado' },
  'request-cancelled': { en: 'Request cancelled', es: 'Solicitud cancelada' },
  'request-retried': { en: 'Request retried', es: 'Solicitud reintentada' },
  'operation-begun': { en: 'Operation begun', es: 'Operación iniciada' },
  'operation-continued': { en: 'Operation continued', es: 'Operación continuada' },
  'operation-stopped': { en: 'Operation stopped', es: 'Operación detenida' },
  'requests-released': { en: 'Requests released', es: 'Solicitudes liberadas' }
}
