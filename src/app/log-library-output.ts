import { Console } from 'node:console'
import { Writable } from 'node:stream'
import type { Logger } from 'pino'

/**
 * What libraries print, such as BullMQ of a Redis that evicts, is a line of the log like any other; the same
 * again, from another of their connections, is not said twice.
 */
export function logLibraryOutput(log: Logger): Console {
  let last = ''
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      const printed = text.trim()
      if (printed !== last) log.warn({ printed }, 'library output')
      last = printed
      done()
    }
  })
  return new Console(stream)
}
