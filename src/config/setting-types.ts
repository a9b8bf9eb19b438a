// The types of settings. `form` is the message of the violation where a value does not match its type.

/** A duration: a whole number above 0 and a unit. */
export const duration = (value: string, description: string) => ({
  type: 'string' as const,
  pattern: '^[1-9][0-9]{0,5}(ms|s|m|h|d)$',
  form: 'must be a duration such as 500ms, 30m or 4h',
  default: value,
  description
})

/** A duration that may be 0. Its longest value is below the limit of Node's timers. */
export const delay = (value: string, description: string) => ({
  ...duration(value, description),
  pattern: '^(?:(?:0|[1-9][0-9]{0,5})ms|(?:0|[1-9][0-9]{0,4})s|(?:0|[1-9][0-9]{0,3})m)$',
  form: 'must be a duration such as 0s, 500ms or 10s'
})

/** A size: a whole number above 0 and a unit. */
export const size = (value: string, description: string) => ({
  type: 'string' as const,
  pattern: '^[1-9][0-9]{0,5}(b|kb|mb)$',
  form: 'must be a size such as 512kb or 10mb',
  default: value,
  description
})

export const integer = (
  [minimum, maximum]: readonly [number, number],
  value: number,
  description: string
) => ({ type: 'integer' as const, minimum, maximum, default: value, description })

export const port = (value: number, description: string) => integer([0, 65535], value, description)

/** A port without a default. It may be absent. */
export const optionalPort = (description: string) => ({
  type: 'integer' as const,
  minimum: 0,
  maximum: 65535,
  description
})

export const flag = (value: boolean, description: string) => ({
  type: 'boolean' as const,
  form: 'must be true or false',
  default: value,
  description
})

export const oneOf = <const T extends readonly [string, ...string[]]>(
  values: T,
  value: T[number],
  description: string
) => ({
  type: 'string' as const,
  enum: values,
  form: `must be one of ${values.join(', ')}`,
  default: value,
  description
})

/** Text without a default. It may be absent. */
export const text = (description: string) => ({
  type: 'string' as const,
  minLength: 1,
  description
})

/** Text with a default. */
export const textOr = (value: string, description: string) => ({
  ...text(description),
  default: value
})

/** An address to which the service appends paths. */
export const HTTP_URL = {
  pattern: '^https?://[^\\s/?#@]+(/[^\\s?#@]*)?$',
  form: 'must be an http:// or https:// address without user, query or fragment'
}

/** A value that is sent in an HTTP header. */
export const CREDENTIAL = {
  pattern: '^[\\x21-\\x7e]+$',
  form: 'must be of visible ASCII characters, without spaces'
}

/** The name of a queue, or the prefix of its keys. */
export const QUEUE_NAME = {
  pattern: '^[^:\\s]+$',
  form: 'must have no colon and no space'
}

/** Endpoints of Redis or Sentinel as `host:port`. An IPv6 address has brackets. */
export const ENDPOINTS = {
  pattern:
    '^(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:]+\\]):[0-9]{1,5}(?:,(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:]+\\]):[0-9]{1,5})*$',
  form: 'must be host:port, and more of them after commas'
}
