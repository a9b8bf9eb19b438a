// The kinds of rows that the table of settings has. `form` is what a fault says of a value that breaks the row.

/** A duration as users write it: a whole number and a unit. */
export const duration = (value: string, description: string) => ({
  type: 'string' as const,
  pattern: '^[1-9][0-9]{0,5}(ms|s|m|h|d)$',
  form: 'must be a duration such as 500ms, 30m or 4h',
  default: value,
  description
})

/** A duration that may be none at all; at most what a timer of Node can wait. */
export const delay = (value: string, description: string) => ({
  ...duration(value, description),
  pattern: '^(?:(?:0|[1-9][0-9]{0,5})ms|(?:0|[1-9][0-9]{0,4})s|(?:0|[1-9][0-9]{0,3})m)$',
  form: 'must be a duration such as 0s, 500ms or 10s'
})

/** A size as users write it: a whole number and a unit. */
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

/** Text without a default; absent where it isn't given. */
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

/** An address that paths are added to. */
export const HTTP_URL = {
  pattern: '^https?://[^\\s/?#@]+(/[^\\s?#@]*)?$',
  form: 'must be an http:// or https:// address without user, query or fragment'
}

/** What goes into a header. */
export const CREDENTIAL = {
  pattern: '^[\\x21-\\x7e]+$',
  form: 'must be of visible ASCII characters, without spaces'
}

/** The name of a queue, or what stands before it in keys. */
export const QUEUE_NAME = {
  pattern: '^[^:\\s]+$',
  form: 'must have no colon and no space'
}

/** Some processes of Redis or Sentinel: host and port, the address of IPv6 in brackets. */
export const ENDPOINTS = {
  pattern:
    '^(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:]+\\]):[0-9]{1,5}(?:,(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:]+\\]):[0-9]{1,5})*$',
  form: 'must be host:port, and more of them after commas'
}
