/**
 * The environment for a thread. Under `node --watch` a thread would report its imports to the main thread by a message.
 * Tinypool takes that message for an answer, and waits for ever.
 */
export function threadEnvironment(): Record<string, string> {
  const { WATCH_REPORT_DEPENDENCIES: _, ...env } = process.env
  return env as Record<string, string>
}
