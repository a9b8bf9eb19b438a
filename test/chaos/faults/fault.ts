import type { Chance } from '../../helpers/chance.ts'

/** What a run came to. Every number is counted from the outside: Khipu's journal, the result queue, the operator API. */
export interface Figures {
  /** Requests that were answered 202. */
  readonly requests: number
  /** Callbacks that were answered 2xx. */
  readonly acknowledged: number
  /** Processes that were killed, connections that were cut, and other harm done. */
  readonly kills: number
  /** Jobs on the result queue. */
  readonly results: number
  /** Accepted requests that nobody knows, and acknowledged good callbacks that are in no result. */
  readonly lost: number
  /** Results beyond one per request. */
  readonly doubled: number
  /** Requests that have not ended. */
  readonly stuck: number
  /** POSTs to Khipu that neither its answers nor the policy for silence explain. */
  readonly extraSends: number
  /** What else was seen, for the table's last column. */
  readonly remark?: string
}

/** One run of one fault. */
export interface Run {
  readonly chance: Chance
  /** The short form is part of `npm test`: a few seconds, a few rounds. */
  readonly isShort: boolean
  /** Called when the run is over, the last one first. */
  teardown(task: () => unknown): void
}

/** Something that goes wrong, and how to let it. */
export interface Fault {
  /** A few words, unique; the command line takes the beginning of it. */
  readonly name: string
  /** What is promised under it does not hold by design, and the figures only show how much is lost. */
  readonly mayLose?: true
  /** Not part of the short form. */
  readonly isLong?: true
  /** Why it can't be run here, in one line; null where it can. */
  readonly hindrance?: () => Promise<string | null>
  /** Does the harm and counts; throws where something is seen that must not be. */
  run(run: Run): Promise<Figures>
}

/** What of the figures breaks a promise; empty where all is well. */
export function broken({ mayLose }: Pick<Fault, 'mayLose'>, figures: Figures): string[] {
  const promised = mayLose === true ? (['stuck'] as const) : PROMISED
  return promised.filter((name) => figures[name] !== 0)
}

const PROMISED = ['lost', 'doubled', 'stuck', 'extraSends'] as const
