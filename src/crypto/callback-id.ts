import { hash } from 'node:crypto'

/** The id of a callback: the same bytes on the callback token of the same attempt are the same callback. */
export function callbackId(attempt: number, body: Uint8Array): string {
  return `${attempt}.${hash('sha256', body)}`
}

/** True where the id belongs to these bytes. */
export function isCallback(id: string, body: Uint8Array): boolean {
  return id === callbackId(Number.parseInt(id, 10), body)
}

/** The id of a quarantine entry: the same bytes on the same callback token are one entry. */
export function quarantineId(requestId: string, id: string): string {
  return hash('sha256', `${requestId}/${id}`).slice(0, 32)
}
