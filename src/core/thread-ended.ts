/** The work for a request ended its thread, through memory or time. Another try would end a thread again. */
export class ThreadEnded extends Error {
  override readonly name = 'ThreadEnded'
}
