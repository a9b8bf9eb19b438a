import type { FastifyRequest } from 'fastify'

/**
 * True where a page of this very host sent the call. Browsers say so in Sec-Fetch-Site. Over plain http they leave it
 * out, and Origin has to name the host.
 */
export function isSameOrigin({ headers, host }: Pick<FastifyRequest, 'headers' | 'host'>): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin } = headers
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host
}
