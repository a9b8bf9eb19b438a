/** A key of SECRET_KEYS: the first of a list signs and seals, all of them verify and open. */
export interface SecretKey {
  readonly kid: string
  /** 32 bytes, from which the key of each purpose is derived. */
  readonly bytes: Uint8Array
}
