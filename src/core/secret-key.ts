/** A key of SECRET_KEYS. The first key of the list signs and encrypts; all keys verify and decrypt. */
export interface SecretKey {
  readonly kid: string
  /** 32 bytes. The key for each purpose is derived from them. */
  readonly bytes: Uint8Array
}
