/** A job that a script adds, as BullMQ stores it: its id, and the JSON of its data and of its options. */
export interface NewJob {
  readonly id: string
  readonly data: string
  readonly options: string
}
