/** A Docker engine to work with. */
export interface Engine {
  readonly name: string
  /** What a command is begun with, so that it reaches the ports which containers publish. */
  readonly enter: readonly string[]
  /** What commands need in their environment. */
  readonly env: Readonly<Record<string, string>>
  /** Ends it, where it is ours, with everything in it. */
  end(): Promise<void>
}
