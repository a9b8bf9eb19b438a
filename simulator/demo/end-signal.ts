/** Why the demo ends before its end: someone wanted it to. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** Aborted by Ctrl-C and its like; the second time, everything is dropped at once. */
export function listenForTheEnd(): AbortController {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.reason instanceof Interrupted) process.exit(130)
      controller.abort(new Interrupted(`stopped by ${signal}`))
    })
  }
  return controller
}
