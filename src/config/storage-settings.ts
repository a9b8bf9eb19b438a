import { duration, integer, size, text } from './setting-types.ts'

/** The settings that limit the quarantine, and the spool for callbacks while Redis cannot store them. */
export const KEPT_ROWS = {
  AUDIT_RETENTION: duration('365d', 'How long it is kept who changed or saw what'),
  QUARANTINE_RETENTION: duration('30d', 'How long the quarantine keeps a body'),
  QUARANTINE_ENTRIES: integer(
    [1, 1_000_000],
    10_000,
    'Maximum number of bodies in quarantine. A new body evicts the oldest'
  ),
  QUARANTINE_SIZE: size(
    '256mb',
    'Maximum size of all bodies in quarantine. A new body evicts the oldest'
  ),
  SPOOL_DIR: {
    ...text(
      'Folder on a local disk that keeps callbacks while Redis cannot store them. One process uses it. It outlives the container'
    ),
    pattern: '^/',
    form: 'must be an absolute path'
  },
  SPOOL_LIMIT: size(
    '256mb',
    'Maximum size of the spool. One request may fill a tenth of it. Further callbacks get 503, those of that request 429'
  )
}
