import { duration, integer, size, text } from './rows.ts'

/** The settings that bound what is kept in quarantine, and on disk while Redis is away. */
export const KEPT_ROWS = {
  QUARANTINE_RETENTION: duration('30d', 'How long a body is kept in quarantine'),
  QUARANTINE_ENTRIES: integer(
    [1, 1_000_000],
    10_000,
    'How many bodies the quarantine holds; then the oldest gives way'
  ),
  QUARANTINE_SIZE: size('256mb', 'How large they may be in all; then the oldest gives way'),
  SPOOL_DIR: {
    ...text(
      'Folder on a local disk, of this process alone, that keeps callbacks while Redis cannot: a volume that outlives the container'
    ),
    pattern: '^/',
    form: 'must be an absolute path'
  },
  SPOOL_LIMIT: size(
    '256mb',
    'How much it keeps in all, and a tenth of that of one request; then callbacks are answered 503 again, those of that request 429'
  )
}
