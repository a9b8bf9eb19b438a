/** What was done for a request ended the thread that did it, by its memory or its time, and would do so again. */
export class ThreadEnded extends Error {
  override readonly name = 'ThreadEnded'
}
