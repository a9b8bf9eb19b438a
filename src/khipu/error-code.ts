/**
 * The description of a failed connection for the operator: the code of Node or OpenSSL, such as `ECONNREFUSED`. Never a
 * message, because a message may quote an address or a header.
 */
export function errorCodeOf(error: unknown): string {
  return findCode(error, 0) ?? 'UNKNOWN'
}

/** Maximum length of a followed chain of causes. A cyclic chain has no end. */
const MOST_CAUSES = 8
const CODE = /^[A-Z][A-Z0-9_]{1,79}$/

/** The DOM's errors have a name instead of a code. */
const CODE_BY_NAME: ReadonlyMap<string, string> = new Map([
  ['TimeoutError', 'ETIMEDOUT'],
  ['AbortError', 'ABORT_ERR']
])

function findCode(error: unknown, depth: number): string | null {
  if (!(error instanceof Error) || depth > MOST_CAUSES) return null
  // The cause of an AbortError says more than its own code.
  const own = error.name === 'AbortError' ? null : ownCode(error)
  const inner: readonly unknown[] = error instanceof AggregateError ? error.errors : []
  return (
    own ?? firstCode([...inner, error.cause], depth + 1) ?? CODE_BY_NAME.get(error.name) ?? null
  )
}

function firstCode(errors: readonly unknown[], depth: number): string | null {
  for (const error of errors) {
    const found = findCode(error, depth)
    if (found !== null) return found
  }
  return null
}

function ownCode(error: Error): string | null {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && CODE.test(code) ? code : null
}
