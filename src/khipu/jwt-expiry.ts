import { decodeJwt } from 'jose'

/**
 * When an authorization expires, in ms since 1970: the `exp` of a JWT, read without trust, for nothing
 * depends on it but whether a paid request is worth sending. Null where it can't be read.
 */
export function expiryOf({ jwt }: { readonly jwt?: string; readonly apiKey?: string }) {
  if (jwt === undefined) return null
  try {
    const { exp } = decodeJwt(jwt)
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : null
  } catch {
    return null
  }
}
