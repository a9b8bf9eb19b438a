import { decodeJwt } from 'jose/jwt/decode'

/**
 * When an authorization expires, in ms since 1970: the `exp` of a JWT; null if it cannot be read. The signature is not
 * verified, because the value only decides whether a paid request is worth sending.
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
