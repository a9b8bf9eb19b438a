import type { Sight } from './sight.ts'

/** Where the demo shows what happens. */
export interface Screen {
  /** Shows how the requests stand. */
  show(sights: readonly Sight[]): void
  /** Says something, once and for good. */
  say(text: string): void
  /** Leaves the last that was shown standing. */
  end(): void
}
