import { callsBackError, ok, type KhipuError } from '../behaviour.ts'
import { delivered, failed, parked } from '../scenario-end.ts'
import type { Scenario } from '../scenario.ts'

const unavailable: KhipuError = {
  Code: 'E201',
  Type: 'RETRY_IMMEDIATELY',
  Description:
    'El servicio destino utilizado para la extracción de datos no se encuentra disponible.'
}
const badParameters: KhipuError = {
  Code: 'E401',
  Type: 'DO_NOT_RETRY',
  Description: 'Los parámetros de la consulta no corresponden a un producto del cliente.'
}
const maintenance: KhipuError = {
  Code: 'E202',
  Type: 'WAIT_4_HOURS_BEFORE_RETRY',
  Description: 'El banco se encuentra en mantención.'
}
const infrastructure: KhipuError = {
  Code: 'I001',
  Type: 'RETRY_AFTER_NOTIFICATION',
  Description: 'Servicio suspendido; se notificará cuando esté disponible.'
}
const undocumented: KhipuError = {
  Code: 'E999',
  Type: 'ASK_THE_BANK_FIRST',
  Description: 'Error con un tipo no documentado.'
}
const untyped: KhipuError = { Code: 'E999', Description: 'Error sin tipo.' }
const refusedLogon: KhipuError = {
  Code: 'E101',
  Type: 'RETRY_IMMEDIATELY',
  Description: 'El banco rechazó las credenciales.'
}
const expiredToken: KhipuError = { Code: 'A000', Description: 'Token expirado o revocado.' }

/** Callbacks with Status ERROR: every Error.Type, and what is not one. */
export const errorScenarios: readonly Scenario[] = [
  {
    name: 'retry-immediately-once',
    prefix: '1101',
    does: 'calls back RETRY_IMMEDIATELY (E201) once, then ok',
    ends: delivered(2),
    attempts: [callsBackError(unavailable), ok]
  },
  {
    name: 'retry-immediately-forever',
    prefix: '1102',
    does: 'calls back RETRY_IMMEDIATELY (E201) every time',
    ends: failed('retries-exhausted', 6),
    attempts: [callsBackError(unavailable)]
  },
  {
    name: 'do-not-retry',
    prefix: '1103',
    does: 'calls back DO_NOT_RETRY (E401) every time',
    ends: failed('do-not-retry'),
    attempts: [callsBackError(badParameters)]
  },
  {
    name: 'wait-4-hours-once',
    prefix: '1104',
    does: 'calls back WAIT_4_HOURS_BEFORE_RETRY (E202) once, then ok',
    ends: delivered(2),
    meanwhile: 'retry-scheduled',
    attempts: [callsBackError(maintenance), ok]
  },
  {
    name: 'wait-4-hours-forever',
    prefix: '1105',
    does: 'calls back WAIT_4_HOURS_BEFORE_RETRY (E202) every time',
    ends: failed('retries-exhausted', 7),
    meanwhile: 'retry-scheduled',
    attempts: [callsBackError(maintenance)]
  },
  {
    name: 'retry-after-notification-once',
    prefix: '1106',
    does: 'calls back RETRY_AFTER_NOTIFICATION (I001) once, then ok',
    ends: parked('retry-after-notification'),
    afterRelease: delivered(2),
    attempts: [callsBackError(infrastructure), ok]
  },
  {
    name: 'retry-after-notification-forever',
    prefix: '1107',
    does: 'calls back RETRY_AFTER_NOTIFICATION (I001) every time',
    ends: parked('retry-after-notification'),
    afterRelease: parked('retry-after-notification', 2),
    attempts: [callsBackError(infrastructure)]
  },
  {
    name: 'unknown-type',
    prefix: '1108',
    does: 'calls back a Type that Khipu never documented, once, then ok',
    ends: parked('unknown-type'),
    afterRelease: delivered(2),
    attempts: [callsBackError(undocumented), ok]
  },
  {
    name: 'missing-type',
    prefix: '1109',
    does: 'calls back an Error without a Type (E999), once, then ok',
    ends: parked('unknown-type'),
    afterRelease: delivered(2),
    attempts: [callsBackError(untyped), ok]
  },
  {
    name: 'refused-logon',
    prefix: '1110',
    does: 'calls back E101 with RETRY_IMMEDIATELY every time: the bank may lock the account',
    ends: failed('retries-exhausted', 2),
    attempts: [callsBackError(refusedLogon)]
  },
  {
    name: 'unauthorized-envelope',
    prefix: '1111',
    does: 'calls back A000 without a Type once, then ok',
    ends: parked('unauthorized'),
    afterRelease: delivered(2),
    attempts: [callsBackError(expiredToken), ok]
  }
]
