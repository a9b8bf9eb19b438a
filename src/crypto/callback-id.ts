import { createHash } from 'node:crypto'

/** The id of a callback: the same bytes on the same attempt's capability are the same callback. */
export function callbackId(attempt: number, body: Uint8Array): string {
  return `${attempt}.${createHash('sha256').update(body).digest('hex')}`
}

/** True where the id is one of those bytes. */
export function isCallback(id: string, body: Uint8Array): boolean {
  return id === callbackId(Number.parseInt(id, 10), body)
}

/** The id under which a body is kept: the same bytes on the same capability are one entry. */
export function quarantineId(requestId: string, id: string): string {
  return createHash('sha256').update(`${requestId}/${id}`).digest('hex').slice(0, 32)
}
