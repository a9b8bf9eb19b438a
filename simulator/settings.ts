/** How the simulated Khipu behaves; what is an assumption about the real one says so. */
export interface Settings {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** ASSUMPTION: how long an ordinary callback takes. */
  readonly callbackDelayMs: number
  readonly slowDelayMs: number
  readonly lateDelayMs: number
  /** ASSUMPTION: LifeSpan of the 202; Khipu says neither its format nor its unit. */
  readonly lifeSpan: string | null
  /** ASSUMPTION: Data of the 202. */
  readonly acknowledgementData: 'null' | '{}' | 'absent'
  /** ASSUMPTION: content type of callbacks; null sends none. */
  readonly callbackContentType: string | null
  /** ASSUMPTION: how often a callback is sent again that got no 2xx; 0 is never. */
  readonly callbackRepeats: number
  /** ASSUMPTION: the time between such repeats. */
  readonly callbackRepeatDelayMs: number
  /** ASSUMPTION: how long a callback waits for its answer. */
  readonly callbackTimeoutMs: number
  /** How many calls and how many callbacks are remembered: the newest. */
  readonly keep: number
  /** Gets one line per call and per callback, without account numbers. */
  readonly log: (line: string) => void
}

/** What holds where nothing is said. */
export const defaultSettings: Settings = {
  host: '127.0.0.1',
  port: 4000,
  callbackDelayMs: 1000,
  slowDelayMs: 10_000,
  lateDelayMs: 35 * 60_000,
  lifeSpan: null,
  acknowledgementData: 'null',
  callbackContentType: 'application/json',
  callbackRepeats: 0,
  callbackRepeatDelayMs: 1000,
  callbackTimeoutMs: 30_000,
  keep: 10_000,
  log: () => {}
}
