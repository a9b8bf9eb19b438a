import { stringify } from 'csv-stringify/sync'
import type { FastifyReply } from 'fastify'

/**
 * Sends rows as a file of comma-separated values (RFC 4180), the columns in the order of the names. A spreadsheet
 * takes no value for a formula.
 */
export function sendCsv<Row extends object>(
  reply: FastifyReply,
  name: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[]
): FastifyReply {
  const text = stringify([...rows], { header: true, columns: [...columns], escape_formulas: true })
  return reply
    .type('text/csv; charset=utf-8')
    .header('content-disposition', `attachment; filename="${name}.csv"`)
    .send(text)
}
