/**
 * What an operator is told of a failed connection: the code of Node or OpenSSL, such as `ECONNREFUSED`. Never a
 * message, because that may quote an address or a header.
 */
export function codeOf(error: unknown): string {
  return findCode(error, 0) ?? 'UNKNOWN'
}

/** How far a chain of causes is followed: one that leads back to itself has no end. */
const MOST_CAUSES = 8
const CODE = /^[A-Z][A-Z0-9_]{1,79}$/

/** What the DOM's errors have instead of a code. */
const CODE_BY_NAME: ReadonlyMap<string, string> = new Map([
  ['TimeoutError', 'ETIMEDOUT'],
  ['AbortError', 'ABORT_ERR']
])

function findCode(error: unknown, depth: number): string | null {
  if (!(error instanceof Error) || depth > MOST_CAUSES) return null
  // What is behind an error tells more than that something was aborted.
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
