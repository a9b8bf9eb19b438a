import type { Site } from './site.ts'

/** Something that must be so. */
export interface Check {
  /** A few words. */
  readonly name: string
  /** Resolves with what was seen; throws where it is not so. */
  run(site: Site): Promise<string>
  /** Without it there is no use in going on. */
  readonly isNeeded?: true
}

/** Throws with these faults, if there are any. */
export function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.join('; '))
}
